import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { limits } from '../lib/limits.js'
import { ProtocolViolation } from '../wire/protocol-violation.js'
import {
  decodeStartupPacket,
  type StartupPacket,
  startupPacketLength,
} from '../wire/startup-packet.js'
import type { TlsMaterial } from './tls-material.js'

/** What a client's first packets led to. The socket is paused; `rest` is what came after. */
export interface Negotiated {
  readonly socket: Socket
  /** The whole startup or cancel packet, to be relayed as it is. */
  readonly packet: Buffer
  readonly startup: Extract<StartupPacket, { kind: 'startup' | 'cancel' }>
  readonly rest: Buffer
}

/** What whoever runs the connection must know while it is negotiated. */
export interface NegotiationEvents {
  /** The TLS handshake begins: from here on words would be no TLS record to the client. */
  securing(): void
  /** From here on, whatever is said to the client goes through this socket. */
  secured(socket: TLSSocket): void
  /** The client has shown a certificate that was verified. */
  certified(): void
}

/** First byte of a TLS record that begins a handshake: direct TLS, without an SSLRequest. */
const tls_handshake = 0x16
/** A fatal `handshake_failure`: the one answer that a client in the middle of a ClientHello reads. */
const handshake_failure = Buffer.from([0x15, 3, 1, 0, 2, 2, 40])
const no_bytes: Buffer = Buffer.alloc(0)

/** What was said is the protocol, but who said it is not served. */
export class NegotiationRefusal extends Error {
  readonly sqlstate = '28000'
  readonly hint: string

  constructor(message: string, hint: string) {
    super(message)
    this.hint = hint
  }
}

/**
 * Answers SSLRequest and GSSENCRequest and reads the startup packet. Rejects with
 * ProtocolViolation for what is not the protocol, with NegotiationRefusal, and with ClientGone.
 * Source: PostgreSQL documentation, "SSL Session Encryption"; src/backend/tcop/backend_startup.c.
 */
export async function negotiate(
  plain: Socket,
  material: TlsMaterial['listen'],
  events: NegotiationEvents,
): Promise<Negotiated> {
  let socket = plain
  let requested = false
  for (let round = 0; round < limits.negotiation_rounds; round++) {
    const { packet, rest } = await readPacket(socket)
    if (packet === undefined) {
      if (round > 0 || material === undefined) {
        // An alert is all that a client in its handshake reads, unless this one is within TLS.
        if (socket === plain) plain.end(handshake_failure)
        throw new ProtocolViolation(
          round > 0
            ? 'a TLS handshake where a startup packet was expected'
            : 'a TLS handshake, but listen.tls.mode is disable, or this is a Unix socket',
        )
      }
      plain.unshift(rest)
      socket = await secure(plain, material, events, true)
      continue
    }
    const startup = decodeStartupPacket(packet)
    if (startup.kind === 'cancel' || startup.kind === 'startup') {
      if (material?.required === true && socket === plain && startup.kind === 'startup') {
        throw new NegotiationRefusal(
          'this port accepts connections with TLS only',
          'Use sslmode=require.',
        )
      }
      return { socket, packet, startup, rest }
    }
    if (requested) {
      // As the server does: who has TLS by a request has nothing left to ask for.
      return { socket, packet, startup: asVersion(packet), rest }
    }
    // What follows the request in the same segment was sent in the clear by somebody.
    if (rest.length > 0) {
      throw new ProtocolViolation(`unencrypted data after the ${startup.kind} request`)
    }
    if (startup.kind === 'ssl' && material !== undefined && socket === plain) {
      plain.write('S')
      socket = await secure(plain, material, events, false)
      requested = true
    } else {
      socket.write('N')
    }
  }
  throw new ProtocolViolation('too many requests for encryption')
}

/** A request's code read as the protocol version that stands in its place: 1234.5679. */
function asVersion(packet: Buffer): Negotiated['startup'] {
  return {
    kind: 'startup',
    major: packet.readUInt16BE(4),
    minor: packet.readUInt16BE(6),
    parameters: new Map(),
  }
}

/** Reads one length-prefixed packet; `packet` is undefined when a TLS handshake begins instead. */
function readPacket(
  socket: Socket,
): Promise<{ readonly packet: Buffer | undefined; readonly rest: Buffer }> {
  return new Promise((resolve, reject) => {
    let received: Buffer = no_bytes
    const finish = () => {
      socket.pause()
      socket.removeListener('data', take)
      socket.removeListener('end', ended)
      socket.removeListener('close', ended)
      socket.removeListener('error', failed)
    }
    const take = (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
      try {
        if (received[0] === tls_handshake) {
          finish()
          resolve({ packet: undefined, rest: received })
          return
        }
        const length = startupPacketLength(received)
        if (length === undefined || received.length < length) return
        finish()
        resolve({ packet: received.subarray(0, length), rest: received.subarray(length) })
      } catch (error) {
        finish()
        reject(error)
      }
    }
    const ended = () => {
      finish()
      reject(new ClientGone(received.length))
    }
    const failed = (error: Error) => {
      finish()
      reject(new ClientGone(received.length, error))
    }
    socket.on('data', take)
    socket.once('end', ended)
    // Closed from our side, by the time limit or the end of the process, it never emits `end`.
    socket.once('close', ended)
    socket.once('error', failed)
    if (socket.destroyed || socket.readableEnded) ended()
    else socket.resume()
  })
}

/** The client left before it had said anything whole; a probe of the port, mostly. */
export class ClientGone extends Error {
  readonly received_bytes: number
  readonly sqlstate: '08P01' | '08006'

  /** `lost` is the socket's error where the client has not closed it in order. */
  constructor(received_bytes: number, lost?: Error) {
    const gone = lost === undefined ? 'the client closed the connection' : 'the connection was lost'
    const why = lost === undefined ? '' : ` (${'code' in lost ? String(lost.code) : lost.message})`
    super(`${gone} before the startup packet was complete${why}`)
    this.received_bytes = received_bytes
    this.sqlstate = lost === undefined ? '08P01' : '08006'
  }
}

function secure(
  plain: Socket,
  material: NonNullable<TlsMaterial['listen']>,
  events: NegotiationEvents,
  direct: boolean,
): Promise<TLSSocket> {
  events.securing()
  return new Promise((resolve, reject) => {
    const socket = new TLSSocket(plain, {
      isServer: true,
      secureContext: material.context,
      requestCert: material.ask_certificate,
      // Node would look at it for a listening server alone: see `examine`.
      rejectUnauthorized: false,
      ALPNProtocols: ['postgresql'],
    })
    const failed = (error: Error) => {
      // The alert, if there was one to send, is on its way; words would be no TLS record.
      plain.destroySoon()
      reject(new ProtocolViolation(`TLS handshake failed: ${error.message}`))
    }
    const gone = () => failed(new Error('the connection was closed'))
    socket.once('error', failed)
    // A client that leaves in the middle of the handshake is no error to the socket.
    socket.once('end', gone)
    socket.once('close', gone)
    socket.once('secure', () => {
      socket.removeListener('error', failed)
      socket.removeListener('end', gone)
      socket.removeListener('close', gone)
      socket.disableRenegotiation()
      events.secured(socket)
      try {
        if (examine(socket, material, direct)) events.certified()
        resolve(socket)
      } catch (error) {
        reject(error)
      }
    })
  })
}

/**
 * Looks at what the client has shown. Returns true for a certificate that was verified; without
 * one it may still come in with its password, as with PostgreSQL's own ssl_ca_file.
 */
function examine(
  socket: TLSSocket,
  material: NonNullable<TlsMaterial['listen']>,
  direct: boolean,
): boolean {
  if (direct && socket.alpnProtocol !== 'postgresql') {
    throw new ProtocolViolation('direct TLS without the ALPN protocol "postgresql"')
  }
  if (!material.ask_certificate || !hasCertificate(socket)) return false
  const problem = certificateProblem(socket)
  if (problem === undefined) return true
  throw new NegotiationRefusal(
    `client certificate refused: ${problem}`,
    'Show a certificate that listen.tls.client_ca has issued, or none.',
  )
}

/**
 * Why the peer's certificate could not be verified; undefined when it was. `authorizationError`
 * stays null on a socket that a `tls.Server` has not made, whatever the certificate, so the result
 * of OpenSSL's own verification is asked for. A Node that does not give it verifies nothing.
 */
function certificateProblem(socket: TLSSocket): string | undefined {
  const handle: unknown = Reflect.get(socket, '_handle')
  const verify: unknown =
    typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'verifyError') : undefined
  if (typeof verify !== 'function') return 'this version of Node does not verify it'
  const problem: unknown = verify.call(handle)
  if (problem === null || problem === undefined) return undefined
  return problem instanceof Error ? problem.message : String(problem)
}

function hasCertificate(socket: TLSSocket): boolean {
  const certificate = socket.getPeerCertificate()
  return certificate !== undefined && Object.keys(certificate).length > 0
}

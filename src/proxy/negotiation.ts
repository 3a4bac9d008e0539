import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { ListenTlsConfig } from '../config/config.js'
import { limits } from '../lib/limits.js'
import { ProtocolViolation } from '../wire/protocol-violation.js'
import {
  decodeStartupPacket,
  type StartupPacket,
  startupPacketLength,
} from '../wire/startup-packet.js'
import type { SessionTap } from './tap.js'
import type { TlsMaterial } from './tls-material.js'

/** What a client's first packets led to. The socket is paused; `rest` is what came after. */
export interface Negotiated {
  readonly socket: Socket
  /** The whole startup or cancel packet, to be relayed as it is. */
  readonly packet: Buffer
  readonly startup: Extract<StartupPacket, { kind: 'startup' | 'cancel' }>
  readonly rest: Buffer
}

/** First byte of a TLS record that begins a handshake: direct TLS, without an SSLRequest. */
const tls_handshake = 0x16
const no_bytes: Buffer = Buffer.alloc(0)

/**
 * Answers SSLRequest and GSSENCRequest and reads the startup packet. Rejects with
 * ProtocolViolation for what is not the protocol, and with the socket's own errors.
 * Source: PostgreSQL documentation, "SSL Session Encryption"; src/backend/tcop/backend_startup.c.
 */
export async function negotiate(
  plain: Socket,
  config: ListenTlsConfig,
  material: TlsMaterial['listen'],
  tap: () => SessionTap,
): Promise<Negotiated> {
  let socket = plain
  for (let round = 0; round < limits.negotiation_rounds; round++) {
    const { packet, rest } = await readPacket(socket)
    if (packet === undefined) {
      if (material === undefined || socket !== plain) {
        throw new ProtocolViolation('a TLS handshake where a startup packet was expected')
      }
      plain.unshift(rest)
      socket = await secure(plain, material, tap(), true)
      continue
    }
    const startup = decodeStartupPacket(packet)
    if (startup.kind === 'cancel' || startup.kind === 'startup') {
      if (config.mode === 'require' && socket === plain && startup.kind === 'startup') {
        throw new TlsRequired()
      }
      return { socket, packet, startup, rest }
    }
    // What follows the request in the same segment was sent in the clear by somebody.
    if (rest.length > 0) {
      throw new ProtocolViolation(`unencrypted data after the ${startup.kind} request`)
    }
    if (startup.kind === 'ssl' && material !== undefined && socket === plain) {
      plain.write('S')
      socket = await secure(plain, material, tap(), false)
    } else {
      socket.write('N')
    }
  }
  throw new ProtocolViolation('too many requests for encryption')
}

/** `listen.tls.mode` is `require` and the client came without. */
export class TlsRequired extends Error {}

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
      reject(error)
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

/** The client closed before it had said anything whole; a probe of the port, mostly. */
export class ClientGone extends Error {
  readonly received_bytes: number

  constructor(received_bytes: number) {
    super('the client closed the connection before its startup packet was complete')
    this.received_bytes = received_bytes
  }
}

function secure(
  plain: Socket,
  material: NonNullable<TlsMaterial['listen']>,
  tap: SessionTap,
  direct: boolean,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = new TLSSocket(plain, {
      isServer: true,
      secureContext: material.context,
      requestCert: material.ask_certificate,
      // Whether a certificate was verified is looked at below: without one the client may still
      // come in with its password, as with PostgreSQL's own ssl_ca_file.
      rejectUnauthorized: false,
      ALPNProtocols: ['postgresql'],
    })
    const failed = (error: Error) => {
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
      if (direct && socket.alpnProtocol !== 'postgresql') {
        socket.destroy()
        reject(new ProtocolViolation('direct TLS without the ALPN protocol "postgresql"'))
        return
      }
      const presented = material.ask_certificate && hasCertificate(socket)
      if (presented && socket.authorizationError) {
        socket.destroy()
        reject(
          new ProtocolViolation(`client certificate refused: ${String(socket.authorizationError)}`),
        )
        return
      }
      tap.secured(socket.getProtocol() ?? 'TLS', presented)
      resolve(socket)
    })
  })
}

function hasCertificate(socket: TLSSocket): boolean {
  const certificate = socket.getPeerCertificate()
  return certificate !== undefined && Object.keys(certificate).length > 0
}

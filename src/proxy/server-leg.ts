import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Config } from '../config/config.js'
import { WitnessError } from '../errors.js'
import { limits } from '../lib/limits.js'
import { backend } from '../wire/message-types.js'
import type { TlsMaterial } from './tls-material.js'
import { connectUpstream, otherTry, type UpstreamConnection, unreachable } from './upstream.js'

/**
 * A server that has had the client's startup packet and has begun to answer. It is paused; its
 * errors have a listener.
 */
export interface ServerLeg extends UpstreamConnection {
  /** What it has said already: the first byte of its verdict at least. */
  readonly answer: Buffer
}

const header_bytes = 5
/** No server has said more in this form. */
const unframed_chars_max = 1_000
const no_bytes: Buffer = Buffer.alloc(0)

/**
 * Connects to the server and sends it the client's startup packet. As libpq does with
 * `sslmode=allow` and `prefer`, tries once more the other way, without TLS or with it, when the
 * server refuses before it has asked for any proof: the client has sent nothing but this packet
 * then. Only the last refusal reaches the client. Rejects with WitnessError `upstream.unreachable`.
 * Source: src/interfaces/libpq/fe-connect.c, PQconnectPoll.
 */
export async function openServerLeg(
  upstream: Config['upstream'],
  material: TlsMaterial['upstream'],
  packet: Buffer,
  opened: (socket: Socket) => void,
): Promise<ServerLeg> {
  const first = await begin(await connectUpstream(upstream, material, opened), upstream, packet)
  const other = refuses(first.answer) ? otherTry(upstream, material, first.tls) : undefined
  if (other === undefined) return first
  let second: UpstreamConnection | undefined
  try {
    second = await other(opened)
    const leg = second === undefined ? first : await begin(second, upstream, packet)
    if (leg !== first) first.socket.destroy()
    return leg
  } catch (error) {
    second?.socket.destroy()
    // The server has said why it does not serve; that there is no other way in adds nothing.
    if (error instanceof WitnessError) return first
    first.socket.destroy()
    throw error
  }
}

/** The certificate that the server has shown, as DER; undefined without TLS. */
export function certificateOf(server: Socket): Buffer | undefined {
  return server instanceof TLSSocket ? server.getPeerX509Certificate()?.raw : undefined
}

async function begin(
  connection: UpstreamConnection,
  upstream: Config['upstream'],
  packet: Buffer,
): Promise<ServerLeg> {
  const answer = await firstAnswer(connection.socket, upstream, packet)
  return { ...connection, answer }
}

function firstAnswer(
  socket: Socket,
  upstream: Config['upstream'],
  packet: Buffer,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let received = no_bytes
    const finish = () => {
      socket.pause()
      socket.removeListener('data', take)
      socket.removeListener('end', ended)
      socket.removeListener('close', ended)
      socket.removeListener('error', failed)
    }
    const take = (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
      const text = unframedError(received)
      if (text !== undefined) {
        const whole = received.includes(0, 1) || received.length > unframed_chars_max
        if (whole) failed(new Error(text))
        return
      }
      if (verdictAt(received) === undefined) return
      finish()
      resolve(received)
    }
    const failed = (cause: Error) => {
      finish()
      socket.destroy()
      reject(unreachable(upstream, `no answer to the login: ${cause.message}`, cause))
    }
    const ended = () => {
      failed(new Error(unframedError(received) ?? 'the server closed the connection'))
    }
    socket.on('data', take)
    socket.once('end', ended)
    socket.once('close', ended)
    socket.once('error', failed)
    // It may break at any later moment, too: while the other way is tried nobody else listens.
    socket.on('error', () => {})
    socket.write(packet)
    socket.resume()
  })
}

/**
 * Where the first message begins that is not about the version of the protocol; undefined while
 * it has not come. What no message could be is left to whoever relays it.
 */
function verdictAt(received: Buffer): number | undefined {
  let at = 0
  while (at < received.length) {
    if (received.length < at + header_bytes) return undefined
    if (received.readUInt8(at) !== backend.negotiate_protocol_version) return at
    const length = received.readInt32BE(at + 1)
    if (length < 4 || length > limits.login_message_bytes) return at
    at += 1 + length
  }
  return undefined
}

/**
 * The text of an error that is no message: a server that cannot start a process for the connection
 * says so in the form of protocol 2. Undefined for everything else. Text stands where the length
 * would; libpq asks for an impossible length alone (MAX_ERRLEN), and takes broken frames for text.
 * Source: src/backend/postmaster/postmaster.c, report_fork_failure_to_client.
 */
function unframedError(received: Buffer): string | undefined {
  if (received.length < header_bytes || received.readUInt8(0) !== backend.error_response) {
    return undefined
  }
  // The server's language may have any bytes, save control characters and 0xff.
  const is_text = received.subarray(1, header_bytes).every((byte) => byte >= 0x20 && byte < 0xff)
  if (!is_text) return undefined
  const end = received.indexOf(0, 1)
  const text = received.toString('utf8', 1, end < 0 ? received.length : end)
  return text.slice(0, unframed_chars_max).trim()
}

function refuses(answer: Buffer): boolean {
  const at = verdictAt(answer)
  return at !== undefined && answer.readUInt8(at) === backend.error_response
}

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import { codePacket, RawClient } from './raw-client.js'

export const ssl_request = 80877103
export const gssenc_request = 80877104

/** How a test asks for TLS. */
export interface TlsClientOptions extends ConnectionOptions {
  /** Begin with the handshake, as `sslnegotiation=direct` does. */
  readonly direct?: boolean
}

/** A raw client, and the TLS socket below it for what only that can tell. */
export interface TlsClient {
  readonly raw: RawClient
  readonly secure: TLSSocket
}

/** Connects to a port of this machine by TLS; rejects with what the handshake failed of. */
export async function connectByTls(port: number, options: TlsClientOptions): Promise<TlsClient> {
  const { direct, ...tls } = options
  const socket = connect({ host: '127.0.0.1', port })
  await once(socket, 'connect')
  if (direct !== true) {
    socket.write(codePacket(ssl_request))
    const [answer]: Buffer[] = await once(socket, 'data')
    if (answer?.toString() !== 'S') throw new Error(`answered ${answer} to the SSLRequest`)
  }
  return await startTls(socket, tls)
}

/** The handshake alone, on a socket whose peer expects one. */
export async function startTls(socket: Socket, tls: ConnectionOptions): Promise<TlsClient> {
  socket.removeAllListeners('data')
  socket.on('error', () => {})
  const secure = connectTls({ socket, rejectUnauthorized: false, ...tls })
  await new Promise<void>((resolve, reject) => {
    secure.once('error', reject)
    secure.once('close', () => reject(new Error('closed during the handshake')))
    secure.once('secureConnect', () => {
      secure.removeListener('error', reject)
      resolve()
    })
  })
  return { raw: RawClient.over(secure), secure }
}

import { backend, frontend } from './message-types.js'
import { request_codes } from './startup-packet.js'

/** The few messages that pgwitness itself sends. */

/** A FATAL or ERROR answer in our own name. `hint` tells the person at the client what to do. */
export function errorResponse(
  severity: 'ERROR' | 'FATAL',
  sqlstate: string,
  message: string,
  hint?: string,
): Buffer {
  let fields = `S${severity}\0V${severity}\0C${sqlstate}\0M${message}\0`
  if (hint !== undefined) fields += `H${hint}\0`
  const body = Buffer.from(`${fields}\0`, 'utf8')
  const header = Buffer.alloc(5)
  header.writeUInt8(backend.error_response, 0)
  header.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([header, body])
}

/** The unframed error of protocol 2, which clients of that age understand. */
export function protocol2Error(message: string): Buffer {
  return Buffer.from(`EFATAL:  ${message}\n\0`, 'utf8')
}

/** AuthenticationSASL with the given mechanisms: the one message that is ever rewritten. */
export function authenticationSasl(mechanisms: readonly string[]): Buffer {
  const names = Buffer.from(`${mechanisms.map((name) => `${name}\0`).join('')}\0`, 'latin1')
  const message = Buffer.alloc(9 + names.length)
  message.writeUInt8(backend.authentication, 0)
  message.writeInt32BE(8 + names.length, 1)
  message.writeInt32BE(10, 5)
  names.copy(message, 9)
  return message
}

/** Asks the server for TLS. */
export const ssl_request: Buffer = (() => {
  const packet = Buffer.alloc(8)
  packet.writeInt32BE(8, 0)
  packet.writeUInt32BE(request_codes.ssl, 4)
  return packet
})()

/** Tells the server that the session is over. */
export const terminate: Buffer = Buffer.from([frontend.terminate, 0, 0, 0, 4])

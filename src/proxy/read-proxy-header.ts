import type { Socket } from 'node:net'
import { ProtocolViolation } from '../wire/protocol-violation.js'
import { decodeProxyHeader, type ProxyHeader } from '../wire/proxy-header.js'
import { ClientGone } from './negotiation.js'
import type { ClientEndpoint } from './tap.js'

/**
 * Reads the header that a load balancer puts before a connection, and leaves what came behind it
 * in the socket, which is paused then. Rejects with ProtocolViolation where there is none:
 * whoever guessed would let clients choose their address. Rejects with ClientGone, too.
 */
export function readProxyHeader(socket: Socket, balancer: ClientEndpoint): Promise<ProxyHeader> {
  return new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0)
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
        const header = decodeProxyHeader(received)
        if (header === undefined) return
        finish()
        if (received.length > header.length) socket.unshift(received.subarray(header.length))
        resolve(header)
      } catch (error) {
        finish()
        reject(error instanceof ProtocolViolation ? advised(error, balancer) : error)
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
  })
}

function advised(error: ProtocolViolation, balancer: ClientEndpoint): ProtocolViolation {
  return new ProtocolViolation(
    error.message,
    `Connections from ${balancer.address} must begin with a PROXY header, since ` +
      'listen.proxy_protocol lists this address: let the load balancer send it, or take the ' +
      'address off the list.',
  )
}

import { EventEmitter } from 'node:events'
import { Duplex } from 'node:stream'
import type { Client } from 'pg'

/**
 * The driver's parser throws at what it does not know (a server that asks for GSS, bytes that are
 * no message), and it does so in the socket's own event, where no promise catches it: the process
 * would end. Here it ends the connection instead, like any other error of the socket. To be called
 * before `connect`.
 */
export function containParser(client: Client): void {
  const connection: unknown = Reflect.get(client, 'connection')
  if (!(connection instanceof EventEmitter)) return
  const attach: unknown = Reflect.get(connection, 'attachListeners')
  if (typeof attach !== 'function') return
  Reflect.set(connection, 'attachListeners', (stream: unknown) => {
    if (!(stream instanceof Duplex)) return
    attach.call(connection, stream)
    const listeners = stream.listeners('data')
    stream.removeAllListeners('data')
    stream.on('data', (chunk) => {
      try {
        for (const listener of listeners) listener.call(stream, chunk)
      } catch (error) {
        stream.destroy(error instanceof Error ? error : new Error(String(error)))
      }
    })
  })
}

import { type AddressInfo, createServer, type Socket } from 'node:net'
import { int32, message, ready } from './messages.js'

/** A server that lets everybody in and then says what it is told to, right or wrong. */
export interface ScriptedServer {
  readonly port: number
  close(): void
}

/**
 * Answers every message of a client, by its letter and text, with what `script` gives for it;
 * nothing when it gives nothing. Logins succeed at once; there is no TLS.
 */
export async function startScriptedServer(
  script: (letter: string, text: string) => Buffer | undefined,
): Promise<ScriptedServer> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    let received: Buffer = Buffer.alloc(0)
    let started = false
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      for (;;) {
        const header = started ? 1 : 0
        if (received.length < header + 4) return
        const length = header + received.readInt32BE(header)
        if (received.length < length) return
        const letter = started ? received.toString('latin1', 0, 1) : ''
        const text = received.toString('latin1', header + 4, length)
        received = received.subarray(length)
        const answer = started ? script(letter, text) : welcome
        started = true
        if (answer !== undefined) socket.write(answer)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

/** AuthenticationOk, BackendKeyData, ReadyForQuery. */
const welcome = Buffer.concat([message('R', int32(0)), message('K', int32(7), int32(7)), ready()])

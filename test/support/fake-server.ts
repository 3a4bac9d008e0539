import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'

/**
 * A server that means harm, or is broken: no real one says such things. It listens on a port of
 * its own; each accepted socket is given to `serve`, and ended by `close`.
 */
export async function fakeServer(
  serve: (socket: Socket) => void,
): Promise<{ readonly port: number; close(): void }> {
  const sockets: Socket[] = []
  const server: Server = createServer({ noDelay: true }, (socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    serve(socket)
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

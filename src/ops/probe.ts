import { connect, type TcpSocketConnectOpts } from 'node:net'

/**
 * Connects and hangs up. Resolves with undefined when somebody listens there, else with the reason
 * why not; no later than after `longest_ms`. PostgreSQL takes a caller who says nothing for what it
 * is, and logs it only with `log_connections`.
 */
export function probe(
  where: TcpSocketConnectOpts | { readonly path: string },
  longest_ms: number,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(where)
    const finish = (reason: string | undefined) => {
      socket.destroy()
      resolve(reason)
    }
    socket.setTimeout(longest_ms, () => finish(`no answer within ${longest_ms} ms`))
    socket.once('connect', () => finish(undefined))
    socket.on('error', (error) => finish(error.message))
  })
}

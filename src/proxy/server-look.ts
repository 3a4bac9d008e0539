import type { Socket } from 'node:net'
import type { Config } from '../config/config.js'
import { WitnessError } from '../errors.js'
import { limits } from '../lib/limits.js'
import type { TlsMaterial } from './tls-material.js'
import { askForTls, connectUpstream } from './upstream.js'

/**
 * Looks whether a PostgreSQL answers where sessions will be connected to, TLS made as they will
 * make it, so that an operator hears of a wrong address before any client does. Nobody logs in, and
 * the server's log stays silent. Rejects with the WitnessError that a client would be refused with.
 * `opened` is told of each socket as it is made: who destroys it ends the look.
 */
export async function lookAtServer(
  upstream: Config['upstream'],
  material: TlsMaterial['upstream'],
  opened: (socket: Socket) => void,
): Promise<void> {
  const { socket, tls } = await connectUpstream(upstream, material, opened)
  // Between the phases nobody else listens.
  socket.on('error', () => {})
  const { mode } = upstream.tls
  // With the other modes it was asked already, and its answer was PostgreSQL's.
  const unheard = mode === 'disable' || mode === 'allow' || upstream.host.startsWith('/')
  const timer = setTimeout(() => {
    const words = `no answer within ${limits.connect_timeout_ms} ms`
    socket.destroy(new Error(words))
  }, limits.connect_timeout_ms)
  try {
    if (unheard && !tls) await askForTls(socket, upstream)
  } finally {
    clearTimeout(timer)
    socket.destroy()
  }
}

/**
 * Runs `look` in the background with what its sockets are told to; reports a WitnessError as
 * what it is, and anything else to `unexpected`. Returns what ends it.
 */
export function inBackground(
  look: (opened: (socket: Socket) => void) => Promise<void>,
  problem: (error: WitnessError) => void,
  unexpected: (error: unknown) => void,
): () => Promise<void> {
  let socket: Socket | undefined
  let stopped = false
  const opened = (one: Socket) => {
    socket = one
    if (stopped) one.destroy()
  }
  const looked = look(opened).catch((error: unknown) => {
    if (!(error instanceof WitnessError)) unexpected(error)
    else if (!stopped) problem(error)
  })
  return async () => {
    stopped = true
    socket?.destroy()
    await looked
  }
}

import type { Socket } from 'node:net'
import type { Config } from '../config/config.js'
import { WitnessError } from '../errors.js'
import { limits } from '../lib/limits.js'
import type { TlsMaterial } from './tls-material.js'
import { connectUpstream } from './upstream.js'

/**
 * Passes a CancelRequest on as it is. Resolves when the server has closed our socket; the client's
 * has to stay open until then: a client takes the end of its cancel connection as the sign that the
 * cancel was delivered, and would send its next statement into it otherwise.
 */
export async function relayCancel(
  packet: Buffer,
  upstream: Config['upstream'],
  material: TlsMaterial['upstream'],
  opened: (socket: Socket) => void,
): Promise<void> {
  try {
    const { socket } = await connectUpstream(upstream, material, opened)
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => socket.destroy(), limits.connect_timeout_ms)
      socket.on('error', () => {})
      socket.once('close', () => {
        clearTimeout(timer)
        resolve()
      })
      socket.resume()
      socket.once('end', () => socket.end())
      socket.write(packet)
    })
  } catch (error) {
    // A cancel has no answer of any kind: the client learns nothing, as from a server that is down.
    if (!(error instanceof WitnessError)) throw error
  }
}

import type { Socket } from 'node:net'
import type { Config } from '../config/config.js'
import { WitnessError } from '../errors.js'
import type { TlsMaterial } from './tls-material.js'
import { connectUpstream } from './upstream.js'

/**
 * Passes a CancelRequest on as it is. The client's socket stays open until the server has closed
 * ours: a client takes the end of its cancel connection as the sign that the cancel was delivered,
 * and would send its next statement into it otherwise.
 */
export async function relayCancel(
  client: Socket,
  packet: Buffer,
  upstream: Config['upstream'],
  material: TlsMaterial['upstream'],
): Promise<void> {
  try {
    const { socket } = await connectUpstream(upstream, material)
    await new Promise<void>((resolve) => {
      socket.on('error', () => {})
      socket.once('close', () => resolve())
      socket.resume()
      socket.once('end', () => socket.end())
      socket.write(packet)
    })
  } catch (error) {
    // A cancel has no answer of any kind: the client learns nothing, as from a server that is down.
    if (!(error instanceof WitnessError)) throw error
  } finally {
    client.end()
    client.resume()
  }
}

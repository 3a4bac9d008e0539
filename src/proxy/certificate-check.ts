import type { Config } from '../config/config.js'
import { certificateOf } from './server-leg.js'
import { inBackground } from './server-look.js'
import type { TapFactory } from './tap.js'
import type { TlsMaterial } from './tls-material.js'
import { connectUpstream } from './upstream.js'

/**
 * Looks once, at the start, whether the server shows the certificate that we show to clients, so
 * that an operator learns before any client that channel binding cannot succeed. A server that is
 * not up yet is looked at when the first session comes to it. Returns what ends the look.
 */
export function checkCertificate(
  upstream: Config['upstream'],
  material: TlsMaterial,
  taps: Pick<TapFactory, 'upstreamCertificate'>,
  report: (error: unknown) => void,
): () => Promise<void> {
  const ours = material.listen?.certificate
  if (ours === undefined) return async () => {}
  return inBackground(
    async (opened) => {
      const connection = await connectUpstream(upstream, material.upstream, opened)
      const shown = certificateOf(connection.socket)
      connection.socket.destroy()
      if (shown !== undefined) taps.upstreamCertificate(ours.equals(shown))
    },
    () => {},
    report,
  )
}

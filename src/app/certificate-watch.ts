import type { Logger } from 'pino'
import { certificateNotices } from '../config/certificate-dates.js'
import type { Config } from '../config/config.js'

/** Often enough for who reads the log each day. */
const every_ms = 86_400_000

/**
 * Warns of certificates of the configuration that have expired or soon will: at once, and each day,
 * since a process runs for longer than they do. `config` gives the one that counts at the moment, so
 * that a reload ends the warnings. Returns what ends the watch.
 */
export function watchCertificates(
  config: () => Pick<Config, 'listen' | 'upstream'>,
  log: Pick<Logger, 'warn'>,
  again_ms = every_ms,
): () => Promise<void> {
  const look = () => {
    for (const { message, ...notice } of certificateNotices(config(), Date.now())) {
      log.warn(notice, message)
    }
  }
  look()
  const timer = setInterval(look, again_ms).unref()
  return async () => clearInterval(timer)
}

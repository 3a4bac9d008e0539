import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Config } from './config.js'

/** A certificate that is not, or will soon no longer be, good for what it is there for. */
export interface CertificateNotice {
  readonly code: 'tls.certificate_dates'
  /** The key of the configuration, and the file that it names. */
  readonly option: string
  readonly file: string
  readonly message: string
  readonly hint: string
}

/** Long enough before for somebody to come back from a holiday. */
const soon_ms = 14 * 86_400_000

/**
 * Looks at the dates of the certificates that the configuration names. As with PostgreSQL none of
 * them keeps anything from starting: a client that does not verify it takes one that has expired.
 */
export function certificateNotices(
  config: Pick<Config, 'listen' | 'upstream'>,
  now_ms: number,
): readonly CertificateNotice[] {
  const { listen, upstream } = config
  const named: readonly (readonly [option: string, file: string | undefined])[] = [
    ['listen.tls.cert', listen.tls.cert],
    ['listen.tls.client_ca', listen.tls.client_ca],
    ['upstream.tls.cert', upstream.tls.cert],
    ['upstream.tls.ca', upstream.tls.ca],
  ]
  return named.flatMap(([option, file]) => {
    if (file === undefined) return []
    const certificate = firstOf(file)
    const problem = certificate && problemOf(certificate, now_ms)
    if (problem === undefined) return []
    const message = `${option}: the certificate in ${file} ${problem}`
    const hint = 'Put a new certificate there, with its key; or correct the clock of this machine.'
    return [{ code: 'tls.certificate_dates', option, file, message, hint }]
  })
}

/** What cannot be read is told by whoever needs it. */
function firstOf(file: string): X509Certificate | undefined {
  try {
    return new X509Certificate(readFileSync(file))
  } catch {
    return undefined
  }
}

function problemOf({ validFrom, validTo }: X509Certificate, now_ms: number): string | undefined {
  const [from_ms, to_ms] = [Date.parse(validFrom), Date.parse(validTo)]
  if (now_ms < from_ms) return `is not valid before ${new Date(from_ms).toISOString()}`
  if (now_ms > to_ms) return `has expired at ${new Date(to_ms).toISOString()}`
  return to_ms - now_ms < soon_ms ? `expires at ${new Date(to_ms).toISOString()}` : undefined
}

import { uriSpans } from './redact-conninfo.js'
import { redacted } from './secret-names.js'
import type { Span } from './spans.js'

/** Secrets that their own form gives away. Each is a bounded prefix before one run of letters. */
const shapes: readonly RegExp[] = [
  // What PostgreSQL keeps of a password: src/common/scram-common.c (scram_build_secret), md5_common.c.
  /SCRAM-SHA-\d{1,3}\$\d{1,10}:[^\s'"]+/gi,
  /\bmd5[0-9a-f]{32}(?![0-9a-f])/gi,
  // Keys of TLS, SSH and PGP, with or without their end.
  /-----BEGIN [A-Z ]{0,32}PRIVATE KEY(?: BLOCK)?-----(?:(?!-----END)[\s\S])*/g,
]

/**
 * Finds what is a secret wherever it stands: passwords of URIs, hashes of passwords as PostgreSQL
 * keeps them, private keys. Linear in the text.
 */
export function shapedSpans(text: string): Span[] {
  const spans = uriSpans(text)
  for (const shape of shapes) {
    for (const match of text.matchAll(shape)) {
      spans.push({ start: match.index, end: match.index + match[0].length, text: redacted })
    }
  }
  return spans
}

import { redacted } from './secret-names.js'
import type { Span } from './spans.js'

/** How programs are given a secret; the last group of each is the secret. */
const patterns: readonly RegExp[] = [
  // --password x, --oauth2-bearer=x
  /(?:^|\s)--?[a-z0-9-]{0,32}(?:pass|passwd|password|passphrase|pwd|token|secret|bearer)[\s=]\s{0,8}("[^"]+"|'[^']+'|[^\s"'-][^\s"']*)/dgi,
  // Authorization: Bearer x
  /\b(?:bearer|basic)\s{1,8}([^\s"']+)/dgi,
  // curl -u name:x
  /(?:^|\s)(?:-u|--user|--proxy-user)[\s=]{0,8}["']?[^\s:"']{1,128}:([^\s"']+)/dg,
  // sshpass -p x
  /\bsshpass\s{1,8}-p\s{0,8}("[^"]+"|'[^']+'|[^\s"']+)/dg,
  // What follows the name in psql: \\password bob x
  /\\password\s{1,8}\S{1,128}\s{1,8}(\S+)/dg,
  // "the password is x1", in prose; a plain word such as `hashed` is kept.
  /\b(?:password|passphrase|passcode|pwd|pw)\s{1,8}(?:is|was|will be)\s{1,8}(?=\S{0,128}[\d!-&*+/:;<=>?@^_~])([^\s'"]+)/dgi,
  // mysql -px
  /\b(?:mysql|mariadb)(?:[\w-]{0,16})(?:\s{1,8}(?!-p)\S{1,256}){0,16}\s{1,8}-p("[^"]+"|'[^']+'|[^\s"']+)/dg,
]

/**
 * Finds the secrets on the command line of a program, as in COPY … PROGRAM and archive_command:
 * what curl, mysql, sshpass and their like are told. Each match is bounded save for the secret.
 */
export function commandSpans(text: string): Span[] {
  const spans: Span[] = []
  for (const pattern of patterns) {
    for (const match of text.matchAll(pattern)) {
      const [start, end] = match.indices?.[1] ?? [0, 0]
      if (end > start && match[1] !== redacted) spans.push({ start, end, text: redacted })
    }
  }
  return spans
}

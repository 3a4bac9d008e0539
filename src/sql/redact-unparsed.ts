import { buildsSecretSql } from './builds-secret-sql.js'
import { findInReading, max_depth } from './find-secrets.js'
import { commandSpans } from './redact-command.js'
import { shapedSpans } from './redact-shapes.js'
import { isMistypedPassword, isSecretWord, redacted } from './secret-names.js'
import { fragment_policy, type Policy } from './secret-policy.js'
import { Outline, scopeFinder } from './secret-scopes.js'
import { applySpans, type Span } from './spans.js'
import { SqlTokens } from './sql-tokens.js'

/** A cheap test: a text without any such word is left as it is. */
const suspicious =
  /pass|pwd|\bpw\b|secret|token|key|credential|identified|crypt|conninfo|dblink|dsn|set_config|hmac|digest|pgp_|bearer|authorization|curl|mysql|mariadb|sshpass|md5[0-9a-f]{32}|scram-sha|-----begin|'\s{0,99}(?:--|[\n\r]\s{0,99}'|\|\|\s{0,99}')|http_|_s3\b|account_add|set_setting|cookie|request\.|pg_settings|u&["']|:\/\/|\\|authid|exec|role|user|group|subscri|server|mapping|wrapper|p[a-z]{0,4}s[a-z]{0,4}w[a-z]{0,4}d/i

/**
 * A text of one word that no language has: with a digit or a symbol in it, as a password that was
 * typed at the prompt of psql, where some other program would have asked for it. A command of psql
 * begins with a backslash.
 */
const prompted = /^\s*(?!\\)(?=[^\s;]*[A-Za-z])(?=[^\s;]*[^A-Za-z_\s;])[^\s;'"(),*=.]{6,128}[\s;]*$/

/** The secrets in one reading of a refused text. */
function readingSpans(text: string, backslash_escapes: boolean, depth: number): Span[] {
  const outline = new Outline(new SqlTokens(text, backslash_escapes), depth)
  const scopeAt = scopeFinder(outline.scopes)
  // In a body that makes its SQL the secret may come by way of a variable.
  const built = depth > 0 && buildsSecretSql(text)
  const policy: Policy = {
    ...fragment_policy,
    near: (name) => isSecretWord(name) || isMistypedPassword(name),
    to_assigns: true,
    read_dollar: unparsedSpans,
    whole: (position) => built || scopeAt(position)?.whole === true,
    tail: (position) => {
      const scope = scopeAt(position)
      return scope?.whole === true && scope.assigns ? scope.end : -1
    },
  }
  const found = findInReading(new SqlTokens(text, backslash_escapes), policy, depth)
  const spans = [...found.spans, ...outline.prose]
  if (outline.cut < text.length) {
    spans.push({ start: outline.cut, end: text.length, text: ` ${redacted}` })
  }
  return spans
}

/** The secrets of a text that has no parse tree, under both meanings of a backslash. */
export function unparsedSpans(text: string, depth: number): Span[] {
  if (!suspicious.test(text)) return []
  if (depth > max_depth) return [{ start: 0, end: text.length, text: redacted }]
  const spans = [...shapedSpans(text), ...commandSpans(text)]
  for (const span of readingSpans(text, false, depth)) spans.push(span)
  if (!text.includes('\\')) return spans
  for (const span of readingSpans(text, true, depth)) spans.push(span)
  return spans
}

/**
 * Redacts a text that the grammar refused or that could not be parsed. It is nobody's SQL, so more
 * goes than must: in a statement that speaks of a password all literals, and where quotes do not
 * match, everything behind the word. Both meanings of a backslash are covered. Linear in the text.
 */
export function redactUnparsedText(text: string): string {
  return applySpans(text, unparsedSpans(text, 0))
}

/** The same of a whole text that a client sent as SQL and that the grammar refused. */
export function redactRefusedText(text: string): string {
  return prompted.test(text) ? redacted : redactUnparsedText(text)
}

import { buildsSecretSql } from './builds-secret-sql.js'
import { findInReading, max_depth } from './find-secrets.js'
import { literalValue, nameValue } from './literal-value.js'
import { commandSpans } from './redact-command.js'
import { shapedSpans } from './redact-shapes.js'
import { callKind, isMistypedPassword, isSecretWord, redacted } from './secret-names.js'
import { fragment_policy, type Policy } from './secret-policy.js'
import { applySpans, type Span } from './spans.js'
import { SqlTokens } from './sql-tokens.js'

/** A part of a refused text, up to a semicolon, whose literals all go. */
interface Scope {
  readonly start: number
  readonly end: number
  /** True for what looks like a statement on roles or like SET: an unquoted password goes too. */
  readonly assigns: boolean
}

/** A cheap test: a text without any such word is left as it is. */
const suspicious =
  /pass|pwd|\bpw\b|secret|token|key|credential|identified|crypt|conninfo|dblink|dsn|set_config|hmac|digest|pgp_|bearer|authorization|curl|mysql|mariadb|sshpass|md5[0-9a-f]{32}|scram-sha|-----begin|http_|_s3\b|account_add|set_setting|u&["']|:\/\/|\\|authid|exec|role|user|group|subscri|server|mapping|wrapper|p[a-z]{0,4}s[a-z]{0,4}w[a-z]{0,4}d/i

/** The first word that speaks of a secret, up to its end. */
const first_mention =
  /(?:passw|pass(?![a-z])|pass(?:phrase|code|key)|pwd|secret|token|credential|identified|crypt|conninfo|dblink|set_config|pgp_|p[a-z]{0,4}s[a-z]{0,4}w[a-z]{0,4}d)[a-z0-9_]{0,64}/i

/** Objects that are made or changed by statements with passwords in them. */
const guarded: ReadonlySet<string> = new Set(
  'role user group subscription server mapping wrapper'.split(' '),
)
const roles: ReadonlySet<string> = new Set(['role', 'user', 'group'])
const makers: ReadonlySet<string> = new Set(['create', 'alter'])

/** Symbols with which an expression goes on behind a literal. */
const going_on: ReadonlySet<string> = new Set([',', ')', ']', '|', ':', '=', '>', ';'])

/** Words between CREATE or ALTER and the kind of object: `OR REPLACE`, `FOREIGN DATA`. */
const maker_words = 3

/** Runs what was prepared, with arguments that are secret where its parameters are. */
const executes: ReadonlySet<string> = new Set(['execute', 'exec'])

/** True for a name whose statement may hold a secret in any literal. */
function speaksOfSecret(name: string): boolean {
  return isSecretWord(name) || isMistypedPassword(name) || callKind(name) !== undefined
}

/** Takes the first look at a text: which parts of it speak of secrets, and do its quotes match. */
class Outline {
  readonly scopes: Scope[] = []
  /** What stands behind such a word in comments and in names that are whole sentences. */
  readonly prose: Span[] = []
  /** From here on nothing can be trusted; the length of the text when all is well. */
  cut: number
  #start = 0
  #flagged = false
  #assigns = false
  #words_left = 0
  /** True until the first name of a part has been seen. */
  #first = true

  readonly #depth: number

  /** `depth` is 0 for what the client sent, more for a literal in it. */
  constructor(tokens: SqlTokens, depth: number) {
    const { text } = tokens
    this.#depth = depth
    this.cut = text.length
    let terminated = true
    /** The end of a literal that ends in the very place where a password would follow. */
    let open_end = -1
    while (tokens.next()) {
      terminated &&= tokens.terminated
      if (tokens.kind === 'comment') {
        this.#prose(text, tokens.content_start, tokens.content_end)
        continue
      }
      // A comment between the parts of a continued literal is a comment all the same.
      for (const [start, end] of tokens.joining_comments) this.#prose(text, start, end)
      const symbol = tokens.kind === 'symbol' ? text.charAt(tokens.start) : ''
      // No operator goes on from the literal: the quotes are the wrong way round.
      if (open_end >= 0 && !going_on.has(symbol)) this.cut = Math.min(this.cut, open_end)
      open_end = -1
      if (tokens.kind === 'string' || tokens.kind === 'dollar') {
        if (this.#literal(tokens)) open_end = tokens.end
      } else if (tokens.kind === 'word' || tokens.kind === 'quoted') {
        this.#name(tokens)
      } else if (symbol === ';') {
        this.#close(tokens.start)
      }
    }
    this.#close(text.length)
    if (terminated) return
    const match = first_mention.exec(text)
    if (match !== null) this.cut = Math.min(this.cut, match.index + match[0].length)
  }

  #prose(text: string, content_start: number, content_end: number): void {
    const content = text.slice(content_start, content_end)
    const match = first_mention.exec(content)
    if (match === null) return
    const start = content_start + match.index + match[0].length
    if (content.slice(start - content_start).trim() === '') return
    this.prose.push({ start, end: content_end, text: ` ${redacted} ` })
  }

  #name(tokens: SqlTokens): void {
    const name = nameValue(tokens)
    if (tokens.kind === 'quoted' && /\s/.test(name)) {
      this.#prose(tokens.text, tokens.content_start, tokens.content_end)
    }
    const lower = name.toLowerCase()
    // In a body EXECUTE makes SQL of its literals, which are read as such.
    this.#flagged ||= speaksOfSecret(name) || (this.#depth === 0 && executes.has(lower))
    this.#flagged ||= lower === 'pg_authid'
    this.#assigns ||= this.#first && lower === 'set'
    this.#first = false
    if (makers.has(lower)) {
      this.#words_left = maker_words
      return
    }
    if (this.#words_left === 0) return
    this.#words_left--
    this.#flagged ||= guarded.has(lower)
    this.#assigns ||= roles.has(lower)
  }

  /** True when a password would follow right behind the literal. */
  #literal(tokens: SqlTokens): boolean {
    const value = literalValue(tokens)
    if (!isSecretWord(value)) return false
    // A dollar-quoted literal with a semicolon is code and has parts of its own.
    if (tokens.kind === 'string' || !value.includes(';')) this.#flagged = true
    const end = value.slice(-64).trimEnd()
    const word = /[A-Za-z0-9_]*$/.exec(end.replace(/[=:]$/, '').trimEnd())
    return speaksOfSecret(word?.[0] ?? '')
  }

  #close(end: number): void {
    if (this.#flagged) this.scopes.push({ start: this.#start, end, assigns: this.#assigns })
    this.#start = end + 1
    this.#flagged = false
    this.#assigns = false
    this.#words_left = 0
    this.#first = true
  }
}

/**
 * A text of one word that no language has: with a digit or a symbol in it, as a password that was
 * typed at the prompt of psql, where some other program would have asked for it. A command of psql
 * begins with a backslash.
 */
const prompted = /^\s*(?!\\)(?=[^\s;]*[A-Za-z])(?=[^\s;]*[^A-Za-z_\s;])[^\s;'"(),*=.]{6,128}[\s;]*$/

/** Finds the scope of a position; positions are asked in rising order. */
function scopeFinder(scopes: readonly Scope[]): (position: number) => Scope | undefined {
  let index = 0
  return (position) => {
    let scope = scopes[index]
    while (scope !== undefined && scope.end <= position) scope = scopes[++index]
    return scope !== undefined && scope.start <= position ? scope : undefined
  }
}

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
    whole: (position) => built || scopeAt(position) !== undefined,
    tail: (position) => {
      const scope = scopeAt(position)
      return scope?.assigns === true ? scope.end : -1
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
  if (prompted.test(text)) return redacted
  return applySpans(text, unparsedSpans(text, 0))
}

import { BareEnds, bareStart } from './bare-value.js'
import { type Frame, max_frames, nextArgument } from './call-frame.js'
import { findInCode } from './find-in-code.js'
import { literalValue, nameValue, rewriteLiteral } from './literal-value.js'
import { commandSpans } from './redact-command.js'
import { conninfoSpans } from './redact-conninfo.js'
import { shapedSpans } from './redact-shapes.js'
import {
  address,
  bridges,
  connection_piece,
  isNamedArgument,
  placeholder,
  placeholder_at,
  role_statement,
  statement,
} from './secret-clues.js'
import {
  type CallKind,
  isSecretSetting,
  isSecretWord,
  mayHoldSecret,
  redacted,
} from './secret-names.js'
import { fragment_policy, type Inside, type Policy } from './secret-policy.js'
import { applySpans, type Span } from './spans.js'
import { SqlTokens } from './sql-tokens.js'

/** What was found in one reading of a text. */
export interface Found {
  readonly spans: Span[]
  /** True when the text ends where the value of a secret would follow. */
  readonly armed: boolean
  readonly secret_parameters: boolean
}

/** Nested literals are read so deep; what lies deeper and mentions a secret goes as a whole. */
export const max_depth = 3

type Armed = 'no' | 'named' | 'separated'

/** Walks over the tokens of one text and notes where secrets stand. Linear in the text. */
class SecretFinder {
  readonly #tokens: SqlTokens
  readonly #text: string
  readonly #policy: Policy
  readonly #depth: number
  readonly #spans: Span[] = []
  readonly #frames: Frame[] = []
  #armed: Armed = 'no'
  #redacted_last = false
  /** The name just before, which a parenthesis makes a call. */
  #name: string | undefined
  #parentheses = 0
  #options_depth = -1
  #secret_parameters = false
  #after_equals = false
  /** The call of which the literal just before is the beginning of a connection string. */
  #piece_of: Frame | undefined
  /** True behind the word ROLE, USER or GROUP, and while its name arms us. */
  #role_word = false
  #names_role = false
  readonly #bare_ends: BareEnds
  /** Behind a `U&` token, and between UESCAPE and the character that it names. */
  #unicode: 'no' | 'token' | 'clause' = 'no'

  constructor(tokens: SqlTokens, policy: Policy, depth: number) {
    this.#tokens = tokens
    this.#text = tokens.text
    this.#bare_ends = new BareEnds(tokens.text)
    this.#policy = policy
    this.#depth = depth
  }

  run(): Found {
    const tokens = this.#tokens
    while (tokens.next()) {
      if (tokens.kind === 'comment') {
        this.#comment()
        continue
      }
      if (this.#inEscapeClause()) continue
      const name = this.#name
      const redacted_last = this.#redacted_last
      this.#name = undefined
      this.#redacted_last = false
      if (tokens.kind === 'string' || tokens.kind === 'dollar') this.#literal(name)
      else if (tokens.kind === 'word' || tokens.kind === 'quoted') this.#nameToken()
      else if (tokens.kind === 'symbol') this.#symbol(name, redacted_last)
      else this.#value()
      if (tokens.kind !== 'symbol') this.#after_equals = false
    }
    return {
      spans: this.#spans,
      armed: this.#armed !== 'no',
      secret_parameters: this.#secret_parameters,
    }
  }

  /** True on the words of `UESCAPE '!'`, which belong to the name or literal before them. */
  #inEscapeClause(): boolean {
    const tokens = this.#tokens
    const before = this.#unicode
    if (before === 'no' && tokens.prefix !== 'u') return false
    this.#unicode = tokens.prefix === 'u' ? 'token' : 'no'
    if (before === 'token' && tokens.kind === 'word') {
      if (nameValue(tokens).toLowerCase() !== 'uescape') return false
      this.#unicode = 'clause'
      return true
    }
    return before === 'clause' && tokens.content_end - tokens.content_start === 1
  }

  #redact(start: number, end: number, text: string): void {
    this.#spans.push({ start, end, text })
    this.#armed = 'no'
    this.#redacted_last = true
  }

  #comment(): void {
    const tokens = this.#tokens
    const content = this.#text.slice(tokens.content_start, tokens.content_end)
    const inner = readInside(content, 'fragment', this.#depth + 1)
    if (inner.text === undefined) return
    this.#spans.push({ start: tokens.content_start, end: tokens.content_end, text: inner.text })
  }

  #literal(before: string | undefined): void {
    const tokens = this.#tokens
    const frame = this.#frames.at(-1)
    // A value without quotes that begins before the literal may end within it.
    const covered = (this.#spans.at(-1)?.end ?? 0) > tokens.start
    const secret = covered || this.#frames.some((open) => open.secret)
    if (secret || this.#armed !== 'no' || this.#policy.whole(tokens.start)) {
      this.#redact(tokens.start, tokens.end, `'${redacted}'`)
      return
    }
    const value = literalValue(tokens)
    if (frame?.kind === 'setting' && frame.argument === 0) {
      const harmless = frame.first === 'nothing' && !isSecretSetting(value)
      frame.first = harmless ? 'harmless' : 'doubtful'
      return
    }
    if (tokens.kind === 'dollar' && this.#policy.read_dollar !== undefined) {
      const spans = this.#policy.read_dollar(value, this.#depth + 1)
      this.#rewrite(spans.length === 0 ? undefined : applySpans(value, spans))
      return
    }
    const remote = this.#frames.find((open) => open.kind === 'conninfo')
    if (remote !== undefined && connection_piece.test(value)) this.#piece_of = remote
    const sql = remote !== undefined || role_statement.test(value)
    const own = this.#policy.inside(before)
    const inside = sql && own === 'conninfo' ? 'fragment' : own
    const inner = readInside(value, inside, this.#depth + 1)
    this.#rewrite(inner.text)
    if (inner.armed) this.#armed = 'separated'
    // `concat('pass', 'word=', 'x')`: a connection string in pieces.
    if (remote !== undefined && inner.text === undefined && isLoneSecretWord(value)) {
      remote.secret = true
    }
    if (inside !== 'conninfo' && this.#parentheses > 0 && placeholder.test(value)) {
      this.#open('secret', true)
    }
  }

  /** Replaces the contents of the literal that the reader stands on. */
  #rewrite(value: string | undefined): void {
    if (value === undefined) return
    const { start, end } = this.#tokens
    this.#spans.push({ start, end, text: rewriteLiteral(this.#tokens, value) })
  }

  #open(kind: CallKind, secret: boolean): void {
    const innermost = this.#frames.at(-1)
    if (innermost !== undefined && this.#frames.length >= max_frames) {
      // Nobody nests calls so deep but to hide something, or to make us search for long.
      innermost.secret = true
      return
    }
    this.#frames.push({ kind, depth: this.#parentheses, argument: 0, first: 'nothing', secret })
  }

  #nameToken(): void {
    const tokens = this.#tokens
    const value = nameValue(tokens)
    // Other languages than SQL have their strings between such quotes.
    const separated = this.#armed === 'separated' && (this.#policy.bare || this.#depth > 0)
    if (tokens.kind === 'quoted' && (separated || this.#isConnection(value))) {
      this.#redact(tokens.start, tokens.end, `"${redacted}"`)
      return
    }
    if (this.#armed === 'separated' && this.#text.charAt(tokens.end) === '(') {
      // `password := quote_literal('…')`: the value is among the arguments.
      this.#name = value
      return
    }
    const lower = tokens.kind === 'word' ? value.toLowerCase() : ''
    if (this.#armed !== 'no' && bridges.has(lower)) {
      if (lower === 'by' || (lower === 'to' && this.#policy.to_assigns)) this.#separate()
      return
    }
    if (lower !== 'null' && lower !== 'valid' && this.#redactTail()) return
    const frame = this.#frames.at(-1)
    // `'search_path'::text` is still harmless; a name that is not a literal is not known.
    if (frame?.first === 'nothing') frame.first = 'doubtful'
    this.#name = value
    const open = !this.#policy.only_options || this.#options_depth >= 0
    const named =
      this.#policy.near(value, tokens.start) && (open || isNamedArgument(this.#text, tokens.end))
    this.#armed = named ? 'named' : 'no'
    this.#names_role = this.#role_word
    this.#role_word = lower === 'role' || lower === 'user' || lower === 'group'
  }

  /** SET takes a connection string as a name, too. */
  #isConnection(value: string): boolean {
    if (!/=|:\/\//.test(value)) return false
    return readInside(value, 'conninfo', this.#depth + 1).text !== undefined
  }

  /** A number or a parameter. */
  #value(): void {
    const tokens = this.#tokens
    const frame = this.#frames.at(-1)
    if (frame?.kind === 'setting' && frame.argument === 0) frame.first = 'doubtful'
    if (this.#redactTail()) return
    if (tokens.kind !== 'parameter') return
    const doubtful = frame?.kind === 'setting' && frame.argument === 0
    const special = this.#frames.some((open) => open.secret || open.kind === 'conninfo')
    // The server takes no parameter there, but it has been sent all the same.
    if (special || doubtful || this.#armed !== 'no') this.#secret_parameters = true
    this.#armed = 'no'
  }

  #symbol(name: string | undefined, redacted_last: boolean): void {
    const symbol = this.#text.charAt(this.#tokens.start)
    const frame = this.#frames.at(-1)
    const in_setting = frame?.kind === 'setting' && frame.depth === this.#parentheses
    const piece_of = this.#piece_of
    this.#piece_of = undefined
    const after_equals = this.#after_equals
    this.#after_equals = symbol === '=' || symbol === ':'
    switch (symbol) {
      case '(':
        this.#openParenthesis(name)
        return
      case ')':
        this.#closeParenthesis()
        return
      case ',':
        if (in_setting) nextArgument(frame)
        this.#armed = 'no'
        return
      case '=':
      case ':':
        if (this.#armed !== 'no' && !this.#inCast()) this.#separate()
        if (in_setting && symbol === '=' && after_equals) frame.secret = true
        return
      case '>':
        if (in_setting && after_equals) frame.secret = true
        if (!after_equals) this.#armed = 'no'
        else if (this.#armed !== 'no') this.#separate()
        return
      case '|':
        if (redacted_last) this.#armed = 'separated'
        // A connection string that goes on in another literal, which may be the password.
        if (piece_of !== undefined) piece_of.secret = true
        if (frame?.kind === 'setting' && frame.argument === 0) frame.first = 'doubtful'
        return
      case '[':
      case ']':
      case '%':
        return
      default:
        if (!this.#redactTail()) this.#armed = 'no'
    }
  }

  /** In a refused statement that assigns a password: takes all that follows PASSWORD without quotes. */
  #redactTail(): boolean {
    // A role may be called `token`: no password follows its name.
    if (this.#armed === 'no' || this.#names_role) return false
    const { start } = this.#tokens
    // `format('… PASSWORD %L', …)`: the secret is among the arguments.
    if (placeholder_at.test(this.#text.slice(Math.max(0, start - 1), this.#tokens.end)))
      return false
    const end = this.#policy.tail(start)
    if (end <= start) return false
    this.#redact(start, end, redacted)
    this.#tokens.seek(end)
    return true
  }

  #openParenthesis(name: string | undefined): void {
    this.#parentheses++
    if (name === undefined) return
    if (name.toLowerCase() === 'options' && this.#options_depth < 0) {
      this.#options_depth = this.#parentheses
    }
    const kind = this.#policy.calls(name)
    if (kind !== undefined) this.#open(kind, kind === 'secret')
    // `password('x')`: the call's own rule takes over from the name's.
    if (kind === 'secret') this.#armed = 'no'
  }

  #closeParenthesis(): void {
    this.#parentheses--
    if (this.#parentheses < this.#options_depth) this.#options_depth = -1
    let innermost = this.#frames.at(-1)
    while (innermost !== undefined && innermost.depth > this.#parentheses) {
      this.#frames.pop()
      innermost = this.#frames.at(-1)
    }
  }

  /** True on one of the two colons of a cast, which has no value behind it. */
  #inCast(): boolean {
    const { start, end } = this.#tokens
    return this.#text.startsWith('::', start) || this.#text.startsWith('::', end - 2)
  }

  /** A separator stands behind a secret name: what follows is its value, with or without quotes. */
  #separate(): void {
    this.#armed = 'separated'
    const start = this.#policy.bare ? bareStart(this.#text, this.#tokens.end) : -1
    const end = start < 0 ? -1 : this.#bare_ends.after(start, start === this.#tokens.end)
    if (end <= start) return
    // The reader is not moved: a quote within the value must not turn the quotes behind it around.
    this.#redact(start, end, redacted)
  }
}

function isLoneSecretWord(value: string): boolean {
  return isSecretWord(value) && !/\s/.test(value)
}

/** What became of the contents of a literal; `text` is absent when nothing changed. */
interface InnerText {
  readonly text?: string | undefined
  readonly armed: boolean
}

const untouched: InnerText = { armed: false }

function changed(value: string, spans: readonly Span[], armed: boolean): InnerText {
  return spans.length === 0 ? { armed } : { text: applySpans(value, spans), armed }
}

/** Redacts the contents of a literal or comment. */
function readInside(value: string, inside: Inside, depth: number): InnerText {
  if (!mayHoldSecret(value)) {
    return inside === 'connection' && conninfoSpans(value) === undefined
      ? { text: redacted, armed: false }
      : untouched
  }
  if (depth > max_depth) return { text: redacted, armed: false }
  const conninfo = conninfoSpans(value)
  const shaped = shapedSpans(value)
  const armed = /=\s*$/.test(value.slice(-8))
  // Code such as `c = connect(password="x")` looks like a pair, too.
  const data = inside === 'conninfo' || inside === 'connection'
  if (conninfo !== undefined && (data || armed || conninfo.length > 0)) {
    return changed(value, [...conninfo, ...shaped], armed)
  }
  if (inside === 'connection') {
    const uri = /^\s*postgres(?:ql)?:\/\//i.test(value)
    return uri ? changed(value, shaped, false) : { text: redacted, armed: false }
  }
  if (inside === 'conninfo' || address.test(value)) return changed(value, shaped, false)
  const is_code = inside === 'code' || (inside === 'fragment' && statement.test(value))
  const found = is_code ? findInCode(value, depth) : findSecrets(value, fragment_policy, depth)
  const inner = changed(value, [...shaped, ...found.spans], found.armed)
  if (inside !== 'fragment') return inner
  const commands = commandSpans(inner.text ?? value)
  return commands.length === 0 ? inner : changed(inner.text ?? value, commands, found.armed)
}

/** Finds the secrets in one reading of a text, of which no token has been read yet. */
export function findInReading(tokens: SqlTokens, policy: Policy, depth: number): Found {
  return new SecretFinder(tokens, policy, depth).run()
}

/**
 * Finds the secrets of a text that the policy names. A text with a backslash may mean different
 * things with `standard_conforming_strings` on and off; the secrets of both readings are found.
 */
export function findSecrets(text: string, policy: Policy, depth = 0): Found {
  const plain = findInReading(new SqlTokens(text, false), policy, depth)
  if (!text.includes('\\')) return plain
  const escaped = findInReading(new SqlTokens(text, true), policy, depth)
  return {
    spans: [...plain.spans, ...escaped.spans],
    armed: plain.armed || escaped.armed,
    secret_parameters: plain.secret_parameters || escaped.secret_parameters,
  }
}

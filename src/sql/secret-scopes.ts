import { literalValue, nameValue } from './literal-value.js'
import {
  callKind,
  isMistypedPassword,
  isSecretSetting,
  isSecretWord,
  redacted,
  secret_catalogs,
} from './secret-names.js'
import type { Span } from './spans.js'
import type { SqlTokens } from './sql-tokens.js'

/** A part of a text, up to a semicolon, that speaks of secrets. */
export interface Scope {
  readonly start: number
  readonly end: number
  /** True for what looks like a statement on roles or like SET: an unquoted password goes too. */
  readonly assigns: boolean
  /** True where all literals go. */
  readonly whole: boolean
  /** True for a statement on servers and their users, whose options tell by less than a word. */
  readonly options: boolean
}

/** The first word that speaks of a secret, up to its end. */
const first_mention =
  /(?:passw|pass(?![a-z])|pass(?:phrase|code|key)|pwd|secret|token|credential|identified|crypt|conninfo|dblink|set_config|pgp_|p[a-z]{0,4}s[a-z]{0,4}w[a-z]{0,4}d)[a-z0-9_]{0,64}/i

/** Objects that are made or changed by statements with passwords in them. */
const guarded: ReadonlySet<string> = new Set(
  'role user group subscription server mapping wrapper'.split(' '),
)
const word_letter = /\w/
const roles: ReadonlySet<string> = new Set(['role', 'user', 'group'])
const makers: ReadonlySet<string> = new Set(['create', 'alter'])

/** Symbols with which an expression goes on behind a literal. */
const going_on: ReadonlySet<string> = new Set([',', ')', ']', '|', ':', '=', '>', ';'])

/** Words between CREATE or ALTER and the kind of object: `OR REPLACE`, `FOREIGN DATA`. */
const maker_words = 3

/** Runs what was prepared, with arguments that are secret where its parameters are. */
const executes: ReadonlySet<string> = new Set(['execute', 'exec'])

/** Words of procedural languages behind which a statement begins. */
const beginnings: ReadonlySet<string> = new Set(['begin', 'then', 'else', 'loop', 'atomic'])

/** True for a name whose statement may hold a secret in any literal. */
function speaksOfSecret(name: string): boolean {
  return isSecretWord(name) || isMistypedPassword(name) || callKind(name) !== undefined
}

/**
 * Takes the first look at a text: which parts of it speak of secrets, and do its quotes match. Of a
 * text that was refused, a part in which anything speaks of a secret is suspect as a whole; of code
 * that the server takes, only a statement on roles, servers, settings or catalogs of passwords is.
 */
export class Outline {
  readonly scopes: Scope[] = []
  /** What stands behind such a word in comments and in names that are whole sentences. */
  readonly prose: Span[] = []
  /** From here on nothing can be trusted; the length of the text when all is well. */
  cut: number
  #start = 0
  #flagged = false
  #assigns = false
  #words_left = 0
  #options = false
  /** True until the first name of a part has been seen. */
  #first = true

  readonly #depth: number
  readonly #is_code: boolean

  /** `depth` is 0 for what the client sent, more for a literal in it. */
  constructor(tokens: SqlTokens, depth: number, kind: 'refused' | 'code' = 'refused') {
    const { text } = tokens
    this.#depth = depth
    this.#is_code = kind === 'code'
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
        // `'it's` in a statement that speaks of a secret: the quotes do not say where it ends.
        if (this.#flagged && word_letter.test(text.charAt(tokens.end))) {
          this.cut = Math.min(this.cut, tokens.end)
        }
      } else if (tokens.kind === 'word' || tokens.kind === 'quoted') {
        this.#name(tokens)
      } else if (symbol === ';') {
        this.#close(tokens.start)
      }
    }
    this.#close(text.length)
    // In other languages than SQL an apostrophe may stand alone.
    if (terminated || this.#is_code) return
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
    this.#word(name, name.toLowerCase())
  }

  #word(name: string, lower: string): void {
    const sets = this.#assigns && isSecretSetting(name)
    this.#flagged ||= sets || secret_catalogs.has(lower)
    if (!this.#is_code) {
      // In a body EXECUTE makes SQL of its literals, which are read as such.
      this.#flagged ||= speaksOfSecret(name) || (this.#depth === 0 && executes.has(lower))
    }
    this.#assigns ||= this.#first && lower === 'set'
    this.#first &&= beginnings.has(lower)
    if (makers.has(lower)) {
      this.#words_left = maker_words
      return
    }
    if (this.#words_left === 0) return
    this.#words_left--
    this.#flagged ||= !this.#is_code && guarded.has(lower)
    this.#options ||= guarded.has(lower)
    this.#assigns ||= roles.has(lower)
  }

  /** True when a password would follow right behind the literal. */
  #literal(tokens: SqlTokens): boolean {
    const value = literalValue(tokens)
    if (this.#is_code || !isSecretWord(value)) return false
    // A dollar-quoted literal with a semicolon is code and has parts of its own.
    if (tokens.kind === 'string' || !value.includes(';')) this.#flagged = true
    const end = value.slice(-64).trimEnd()
    const word = /[A-Za-z0-9_]*$/.exec(end.replace(/[=:]$/, '').trimEnd())
    return speaksOfSecret(word?.[0] ?? '')
  }

  #close(end: number): void {
    if (this.#flagged || this.#options || this.#assigns) {
      this.scopes.push({
        start: this.#start,
        end,
        assigns: this.#assigns,
        options: this.#options,
        whole: this.#flagged,
      })
    }
    this.#start = end + 1
    this.#flagged = false
    this.#assigns = false
    this.#options = false
    this.#words_left = 0
    this.#first = true
  }
}

/** Finds the scope of a position; positions are asked in rising order. */
export function scopeFinder(scopes: readonly Scope[]): (position: number) => Scope | undefined {
  let index = 0
  return (position) => {
    let scope = scopes[index]
    while (scope !== undefined && scope.end <= position) scope = scopes[++index]
    return scope !== undefined && scope.start <= position ? scope : undefined
  }
}

/** One lexical element of a source file; comments and white space are none. */
export interface Token {
  readonly kind: 'word' | 'number' | 'string' | 'regex' | 'punctuation'
  /** As written; of a string (or a piece of a template) what stands between its quotes. */
  readonly text: string
  /** Line of its first character, from 1. */
  readonly line: number
  /** Offsets in the file. */
  readonly start: number
  readonly end: number
}

/** An import or re-export of another file, or a file that is named as a worker's. */
export interface Import {
  readonly specifier: string
  readonly line: number
  /** True for `import type` and `export type`, which leave nothing behind at run time. */
  readonly type_only: boolean
}

const word = /#?[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/uy
const number = /\d[\w.]*/y
const punctuation =
  /=>|===|!==|==|!=|\?\.(?!\d)|\?\?=?|&&=?|\|\|=?|\.\.\.|\+\+|--|<=|>=|\*\*=?|[-+*/%&|^]=|[^\s\w]/uy
const regex = /\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y
const skipped = /\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/|^#![^\n]*/y

/** Words behind which a `/` begins a regular expression rather than a division. */
const before_regex: ReadonlySet<string> = new Set(
  'return typeof case in of delete void throw new else do await yield instanceof'.split(' '),
)

/**
 * Splits a TypeScript file into tokens. It knows what our own formatter lets through, not every
 * corner of the language: a `/` behind a closing bracket is always a division.
 */
export function tokenize(text: string): readonly Token[] {
  return new Tokenizer(text).run()
}

class Tokenizer {
  readonly #text: string
  readonly #tokens: Token[] = []
  /** Depths of braces at which a `${` of a template was opened. */
  readonly #templates: number[] = []
  #depth = 0
  #offset = 0
  #line = 1
  #line_offset = 0

  constructor(text: string) {
    this.#text = text
  }

  run(): readonly Token[] {
    while (this.#offset < this.#text.length) {
      const character = this.#text.charAt(this.#offset)
      if (this.#match(skipped) !== undefined) continue
      if (character === "'" || character === '"') this.#string(character)
      else if (character === '`') this.#template(this.#offset++)
      else if (character === '/' && this.#regexMayBegin() && this.#take('regex', regex)) continue
      else if (this.#take('word', word) || this.#take('number', number)) continue
      else this.#punctuation()
    }
    return this.#tokens
  }

  #punctuation(): void {
    const start = this.#offset
    const text = this.#match(punctuation)
    if (text === undefined) throw new Error(`cannot read line ${this.#lineAt(start)}`)
    this.#push('punctuation', text, start, this.#offset)
    if (text === '{') this.#depth++
    if (text !== '}') return
    if (this.#templates.at(-1) === this.#depth) {
      this.#templates.pop()
      this.#template(start)
    } else {
      this.#depth--
    }
  }

  #string(quote: string): void {
    const start = this.#offset
    let end = start + 1
    while (this.#text.charAt(end) !== quote) end += this.#text.charAt(end) === '\\' ? 2 : 1
    this.#offset = end + 1
    this.#push('string', this.#text.slice(start + 1, end), start, this.#offset)
  }

  /** A template's text behind its first backtick, or behind the brace of an expression in it. */
  #template(start: number): void {
    const from = this.#offset
    let end = from
    for (;;) {
      const character = this.#text.charAt(end)
      if (character === '') throw new Error(`template without an end in line ${this.#lineAt(from)}`)
      if (character === '`' || this.#text.startsWith('${', end)) break
      end += character === '\\' ? 2 : 1
    }
    this.#push('string', this.#text.slice(from, end), start, end)
    this.#offset = end + 1
    if (this.#text.charAt(end) === '`') return
    this.#offset++
    this.#push('punctuation', '${', end, this.#offset)
    this.#templates.push(this.#depth)
  }

  #regexMayBegin(): boolean {
    const before = this.#tokens.at(-1)
    if (before === undefined) return true
    if (before.kind === 'punctuation') return ![')', ']', '}'].includes(before.text)
    return before.kind === 'word' && before_regex.has(before.text)
  }

  #take(kind: Token['kind'], pattern: RegExp): boolean {
    const start = this.#offset
    const text = this.#match(pattern)
    if (text !== undefined) this.#push(kind, text, start, this.#offset)
    return text !== undefined
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#offset
    const found = pattern.exec(this.#text)?.[0]
    if (found !== undefined) this.#offset += found.length
    return found
  }

  #push(kind: Token['kind'], text: string, start: number, end: number): void {
    this.#tokens.push({ kind, text, line: this.#lineAt(start), start, end })
  }

  /** Offsets are asked for in rising order, so each character is looked at once. */
  #lineAt(offset: number): number {
    for (; this.#line_offset < offset; this.#line_offset++) {
      if (this.#text.charCodeAt(this.#line_offset) === 10) this.#line++
    }
    return this.#line
  }
}

/** The imports and re-exports of a file, dynamic ones and `builtFile('…')` included. */
export function importsOf(tokens: readonly Token[]): readonly Import[] {
  const imports: Import[] = []
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== 'word') continue
    const next = tokens[index + 1]?.text
    if (token.text === 'builtFile' && next === '(') {
      const path = tokens[index + 2]
      // The path of a worker's entry is one of the build, from its root.
      if (path?.kind === 'string') {
        imports.push({ specifier: `#${path.text}`, line: token.line, type_only: false })
      }
      continue
    }
    if (token.text !== 'import' && token.text !== 'export') continue
    const specifier = token.text === 'import' ? imported(tokens, index) : reexported(tokens, index)
    if (specifier === undefined) continue
    imports.push({ specifier, line: token.line, type_only: next === 'type' })
  }
  return imports
}

function imported(tokens: readonly Token[], index: number): string | undefined {
  const next = tokens[index + 1]
  if (next?.text === '.' || tokens[index - 1]?.text === '.') return undefined
  if (next?.text === '(') return stringAt(tokens, index + 2)
  if (next?.kind === 'string') return next.text
  const from = tokens.findIndex((token, at) => at > index && token.text === 'from')
  return stringAt(tokens, from + 1)
}

function reexported(tokens: readonly Token[], index: number): string | undefined {
  const at = tokens[index + 1]?.text === 'type' ? index + 2 : index + 1
  const first = tokens[at]?.text
  if (first !== '{' && first !== '*') return undefined
  const limit = first === '{' ? tokens.findIndex((token, i) => i > at && token.text === '}') : at
  const from = tokens.findIndex((token, i) => i > limit && token.text === 'from')
  // `export { a }` has no `from` right behind its brace; `export * as a from` has two words before.
  if (from < 0 || from > limit + 3) return undefined
  return stringAt(tokens, from + 1)
}

function stringAt(tokens: readonly Token[], index: number): string | undefined {
  const token = tokens[index]
  return token?.kind === 'string' ? token.text : undefined
}

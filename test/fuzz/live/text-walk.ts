import type { TrailRecord } from '../../support/proxy.js'

export function textOf(record: TrailRecord): string {
  return record.statement?.text ?? ''
}

const redacted = '<REDACTED>'
/** What stands between statements. Comments are nested in PostgreSQL; the random ones are not. */
const gap = /(?:[\s;]|--[^\n\r]*|\/\*[\s\S]*?\*\/)*/y

/** Walks through the text of a Query, statement by statement, as the records tell it. */
export class TextWalk {
  readonly #text: string
  readonly #sqlstate: string | undefined
  #at = 0

  /** `sqlstate` is what the server says of the whole, where it says anything. */
  constructor(text: string, sqlstate?: string) {
    this.#text = text
    this.#sqlstate = sqlstate
    this.#at = this.#afterGap(0)
  }

  /** True when nothing but blanks, semicolons and comments is left. */
  get over(): boolean {
    return this.#at >= this.#text.length
  }

  /** Goes over the statement of a record when that is what comes next. */
  take(record: TrailRecord): boolean {
    const text = textOf(record)
    if (text.trim() === '') return false
    const end = this.#match(text, this.#at) ?? this.#match(this.#stripped(text), this.#at)
    if (end === undefined) {
      // A text that could be read in two ways may be shown in another one than the log's.
      if (record.analysis !== 'ambiguous' || !this.#isPlausible(record)) return false
      this.#at = this.#text.length
      return true
    }
    this.#at = this.#afterGap(end)
    return true
  }

  /** The same of a record that must have the whole text. */
  takesAll(record: TrailRecord): boolean {
    if (this.over) return new TextWalk(textOf(record)).over
    if (this.#isWhole(textOf(record).trim())) return true
    return this.take(record) && this.over
  }

  /** True for the whole text, however much of it was redacted; blanks are put around that. */
  #isWhole(words: string): boolean {
    const [first = '', ...rest] = words.split(redacted).map((part) => part.trim())
    const last = rest.pop()
    if (last === undefined || this.#at > this.#afterGap(0)) return false
    const text = this.#text.trim()
    if (!text.startsWith(first) || !text.endsWith(last)) return false
    let at = first.length
    for (const part of rest) {
      const found = text.indexOf(part, at)
      if (found < 0) return false
      at = found + part.length
    }
    return at + last.length <= text.length
  }

  #isPlausible({ sqlstate, outcome }: TrailRecord): boolean {
    if (this.#sqlstate === undefined || outcome === 'unknown') return true
    return (sqlstate ?? '00000') === (this.#sqlstate === '' ? '00000' : this.#sqlstate)
  }

  #afterGap(from: number): number {
    gap.lastIndex = from
    return from + (gap.exec(this.#text)?.[0].length ?? 0)
  }

  /** Without what the gap before has taken already. */
  #stripped(text: string): string {
    gap.lastIndex = 0
    return text.slice(gap.exec(text)?.[0].length ?? 0)
  }

  /** Where the words end; what was redacted may have been anything. */
  #match(words: string, from: number): number | undefined {
    const [first = '', ...rest] = words.split(redacted)
    if (!this.#text.startsWith(first, from)) return undefined
    let at = from + first.length
    for (const part of rest) {
      const found = part === '' ? this.#text.length : this.#text.indexOf(part, at)
      if (found < 0) return undefined
      at = found + part.length
    }
    return at
  }
}

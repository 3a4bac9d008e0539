import type { StatementFacts, TextFacts } from './facts.js'

/** A statement of a template, and where it stands among the literals of its text. */
interface Part {
  readonly statement: StatementFacts
  /** What is the same for all texts of the shape. */
  readonly shared: Omit<StatementFacts, 'start' | 'end' | 'text' | 'analysed_as'>
  /** Literals before its start, and the characters between the last of them and the start. */
  readonly start_literals: number
  readonly start_gap: number
  readonly end_literals: number
  readonly end_gap: number
}

/** The facts of one text, of which those of all others with the same shape are made. */
export class SharedFacts {
  readonly facts: TextFacts
  readonly #parts: readonly Part[]

  /**
   * @param facts What the analysis says of the text, which says itself that it can be shared.
   * @param ends Positions behind the text's literals, in order; the first `count` are taken.
   */
  constructor(facts: TextFacts, ends: Int32Array, count: number) {
    this.facts = facts
    this.#parts = facts.statements.map((statement) => {
      const start_literals = literalsBefore(statement.start, ends, count)
      const end_literals = literalsBefore(statement.end, ends, count)
      const {
        start: _start,
        end: _end,
        text: _text,
        analysed_as: _analysed_as,
        ...shared
      } = statement
      return {
        statement,
        shared,
        start_literals,
        start_gap: statement.start - endOf(start_literals, ends),
        end_literals,
        end_gap: statement.end - endOf(end_literals, ends),
      }
    })
  }

  /** The facts of another text of the same shape, whose literals end at `ends`. */
  of(text: string, ends: Int32Array): TextFacts {
    const statements: StatementFacts[] = []
    for (const part of this.#parts) {
      const start = endOf(part.start_literals, ends) + part.start_gap
      const end = endOf(part.end_literals, ends) + part.end_gap
      const { statement } = part
      const analysed_as = statement.analysed_as ?? statement
      // At the head of the literal the spread would take V8 some microseconds.
      statements.push({ start, end, text: text.slice(start, end), analysed_as, ...part.shared })
    }
    return { status: 'parsed', statements, weight: this.facts.weight }
  }
}

/** A literal is never cut by the bounds of a statement. */
function literalsBefore(position: number, ends: Int32Array, count: number): number {
  let literals = 0
  while (literals < count && (ends[literals] ?? 0) <= position) literals++
  return literals
}

/** Where the last of the first `literals` ends; the beginning of the text when there are none. */
function endOf(literals: number, ends: Int32Array): number {
  return literals === 0 ? 0 : (ends[literals - 1] ?? 0)
}

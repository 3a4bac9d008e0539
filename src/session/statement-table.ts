import { limits } from '../lib/limits.js'
import type { StatementFacts } from '../sql/facts.js'
import type { NamePlan, SessionContext } from './execution.js'
import type { BoundValues, SentText } from './requests.js'
import { undecoded_mark } from './text-decoding.js'

/**
 * Prepared statements and portals of one session. SQL and protocol share both namespaces:
 * PREPARE makes what Bind can bind, DECLARE makes what Execute can run.
 */
export interface PreparedStatement {
  readonly name: string
  readonly text: SentText | undefined
  /** What it does; undefined for an empty text. */
  readonly statement: StatementFacts | undefined
  /** Text of the PREPARE for a statement made by SQL. */
  readonly prepared_text: string | undefined
  parameter_types: readonly number[]
  readonly time_us: number
  /** When it was made, as {@link NameDoubts} counts. */
  readonly made: number
  /** What its names meant then. */
  readonly plan: NamePlan | undefined
  /** False until something bound or ran it: a Parse that is dropped unused is a record of its own. */
  used: boolean
}

export interface Portal {
  readonly name: string
  readonly prepared: PreparedStatement
  readonly bound: BoundValues | undefined
  /** WITH HOLD cursors survive their transaction. */
  readonly hold: boolean
  readonly by_sql: boolean
  readonly time_us: number
  /** When it was made, as {@link NameDoubts} counts. */
  readonly made: number
  /** True when the statement's name was in doubt as it was bound. */
  readonly doubted: boolean
  /** What the names meant when it was bound. */
  readonly context: SessionContext
  readonly plan: NamePlan | undefined
  /** The statement counter of its first Execute; 0 before. */
  statement_id: number
  used: boolean
}

/**
 * The server compares the first 63 bytes of a name, counted here as UTF-8. What could not be
 * decoded was cut when it was read and stands behind a mark that no decoded name has.
 */
export function cutName(name: string): string {
  if (name.startsWith(undecoded_mark)) return name
  if (name.length * 3 <= limits.identifier_bytes) return name
  const bytes = Buffer.from(name, 'utf8')
  if (bytes.length <= limits.identifier_bytes) return name
  return bytes.toString('latin1', 0, limits.identifier_bytes)
}

/** A map whose keys are names as the server compares them, bounded by forgetting the oldest. */
export class NameTable<T> {
  readonly #entries = new Map<string, T>()

  get(name: string): T | undefined {
    return this.#entries.get(cutName(name))
  }

  /** Returns what must be forgotten to keep the bound, if anything. */
  set(name: string, entry: T): T | undefined {
    this.#entries.set(cutName(name), entry)
    if (this.#entries.size <= limits.statements_per_session) return undefined
    for (const [oldest, forgotten] of this.#entries) {
      this.#entries.delete(oldest)
      return forgotten
    }
    return undefined
  }

  delete(name: string): T | undefined {
    const key = cutName(name)
    const entry = this.#entries.get(key)
    this.#entries.delete(key)
    return entry
  }

  values(): IterableIterator<T> {
    return this.#entries.values()
  }

  get size(): number {
    return this.#entries.size
  }
}

import { limits } from '../lib/limits.js'
import type { BindRequest, ParseRequest } from './requests.js'
import { NameTable, type Portal, type PreparedStatement } from './statement-table.js'

/** A Parse or Bind whose answer never came, because the connection ended. */
export interface LostStep {
  readonly event: ParseRequest | BindRequest
  readonly prepared: PreparedStatement
  readonly portal: Portal | undefined
}

/**
 * What a client prepared and bound in a stretch that failed and was skipped, or that the end of
 * the connection cut off: it tells what the Executes of that stretch were meant to run. Bounded:
 * a client may send for ever without a Sync, and such texts are only shown, never run.
 */
export class Unanswered {
  #statements = new NameTable<PreparedStatement>()
  #portals = new NameTable<Portal>()
  readonly #lost: LostStep[] = []
  #held_bytes = 0

  parse(event: ParseRequest, prepared: PreparedStatement): void {
    this.#hold(event.weight)
    this.#statements.set(event.name, prepared)
    if (event.fate === 'lost') this.#lost.push({ event, prepared, portal: undefined })
  }

  bind(event: BindRequest, portal: Portal): void {
    this.#hold(event.weight)
    this.#portals.set(event.portal, portal)
    if (event.fate === 'lost') this.#lost.push({ event, prepared: portal.prepared, portal })
  }

  statement(name: string): PreparedStatement | undefined {
    return this.#statements.get(name)
  }

  portal(name: string): Portal | undefined {
    return this.#portals.get(name)
  }

  /** Lost steps in their order, Binds before the Parses that they use up. */
  lost(): readonly LostStep[] {
    const binds = this.#lost.filter(({ portal }) => portal !== undefined)
    const parses = this.#lost.filter(({ portal }) => portal === undefined)
    return [...binds, ...parses]
  }

  clear(): void {
    if (this.#held_bytes === 0) return
    this.#statements = new NameTable()
    this.#portals = new NameTable()
    this.#held_bytes = 0
  }

  #hold(weight: number): void {
    this.#held_bytes += weight
    if (this.#held_bytes <= limits.pending_bytes) return
    this.clear()
    this.#held_bytes = weight
  }
}

import type { Resolution } from '../catalog/names.js'
import { limits } from '../lib/limits.js'
import type { Execution } from '../session/execution.js'
import type { AuditorParts } from './auditor-parts.js'

/** After a wait that brought nothing, a session waits for a fifth of the time at most. */
const rest_factor = 4

/**
 * When a record waits for one refresh of the catalog, because a name was not known. Some names no
 * refresh ever brings, such as a temporary table that a function made: they are not waited for
 * again, and after a wait in vain comes a rest. Records must not lag behind a busy session.
 */
export class NameWaits {
  readonly #parts: Pick<AuditorParts, 'catalog' | 'clock' | 'config' | 'later'>
  readonly #resume: () => void
  /** Names, and users, that were waited for in vain. */
  readonly #in_vain = new Set<string>()
  #rest_until_us = 0
  /** True while a record waits. */
  waiting = false

  constructor(
    parts: Pick<AuditorParts, 'catalog' | 'clock' | 'config' | 'later'>,
    resume: () => void,
  ) {
    this.#parts = parts
    this.#resume = resume
  }

  /** Begins to wait, if that is worth it; true when the record must wait. */
  begin(report: Execution, { objects }: Resolution): boolean {
    // A name that the server itself could not find is not looked for.
    if (report.outcome !== 'success' && report.outcome !== 'suspended') return false
    if (!this.#parts.catalog.connected) return false
    // Where answers wait for their records, these do not wait for names.
    if (this.#parts.config.audit.durability === 'ack') return false
    if (this.#parts.clock.nowMicroseconds() < this.#rest_until_us) return false
    if (keysOf(report, objects).every((key) => this.#in_vain.has(key))) return false
    this.waiting = true
    const go = () => {
      if (!this.waiting) return
      this.waiting = false
      cancel()
      this.#resume()
    }
    const cancel = this.#parts.later(this.#parts.config.audit.flush.interval_ms, go)
    void this.#parts.catalog.refresh(report.context.database).then(go)
    return true
  }

  /** The wait is over and the names are still not known. */
  inVain(report: Execution, { objects }: Resolution): void {
    const rest_ms = this.#parts.config.audit.flush.interval_ms * rest_factor
    this.#rest_until_us = this.#parts.clock.nowMicroseconds() + rest_ms * 1000
    if (this.#in_vain.size > limits.names_in_vain) this.#in_vain.clear()
    for (const key of keysOf(report, objects)) this.#in_vain.add(key)
  }
}

/** What a wait is for: the names that are not certain, as this user sees them. */
function keysOf(report: Execution, objects: Resolution['objects']): readonly string[] {
  const user = report.context.current_user
  return objects
    .filter((object) => object.resolved !== 'catalog')
    .map((object) => `${user} ${object.name}`)
}

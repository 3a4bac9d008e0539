import type { AuditRecord } from '../record/audit-record.js'
import type { AuditorParts } from './auditor-parts.js'

/** A session's way into the trail: what finds no room there waits here, in its order. */
export class RecordOutlet {
  readonly #parts: Pick<AuditorParts, 'render' | 'trail'>
  readonly #emptied: () => void
  /** Rendered records that found no room in the trail, oldest first. */
  readonly #waiting: string[] = []
  /** Length of all records so far, in UTF-16 code units: a measure of the work that they made. */
  written_chars = 0

  /** Behind the last record that the trail has taken: what it must acknowledge for all of them. */
  position = 0

  /** `emptied` is called when all that waited is in the trail. */
  constructor(parts: Pick<AuditorParts, 'render' | 'trail'>, emptied: () => void) {
    this.#parts = parts
    this.#emptied = emptied
  }

  /** True while records wait: nothing more is to be asked or answered meanwhile. */
  get blocked(): boolean {
    return this.#waiting.length > 0
  }

  write(record: AuditRecord): void {
    const rendered = this.#parts.render(record)
    this.written_chars += rendered.length
    if (!this.blocked && this.#append(rendered)) return
    this.#waiting.push(rendered)
    if (this.#waiting.length === 1) this.#awaitRoom()
  }

  #append(rendered: string): boolean {
    const { trail } = this.#parts
    if (!trail.append(rendered)) return false
    this.position = trail.appended_position
    return true
  }

  #awaitRoom(): void {
    this.#parts.trail.when_writable(() => {
      for (;;) {
        const oldest = this.#waiting[0]
        if (oldest === undefined) break
        if (!this.#append(oldest)) {
          this.#awaitRoom()
          return
        }
        this.#waiting.shift()
      }
      this.#emptied()
    })
  }
}

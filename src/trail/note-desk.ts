import { Batch } from './batch.js'
import type { OutletParts } from './outlet-parts.js'
import { type Note, renderNote } from './writer-notes.js'

/** Where the writer's own records are written down and numbered. */
export class NoteDesk {
  readonly #parts: Pick<OutletParts, 'backlog' | 'clock' | 'identity' | 'options'>
  /** The one that was made last to be written by itself. */
  readonly head: Batch

  constructor(parts: Pick<OutletParts, 'backlog' | 'clock' | 'identity' | 'options'>) {
    this.#parts = parts
    this.head = new Batch(parts.options.format, parts.identity)
  }

  /** Adds a record, which goes before all that has no number yet. */
  add(note: Note): void {
    this.#number(note)
  }

  /** Adds one that goes before all that waits: `head` has it. Answers its number. */
  addHead(note: Note, time_us?: number): number {
    const { rendered, seq } = this.#number(note, time_us)
    this.head.clear()
    this.head.addHead(rendered, seq)
    return seq
  }

  #number(
    note: Note,
    time_us = this.#parts.clock.nowMicroseconds(),
  ): { readonly rendered: string; readonly seq: number } {
    const { backlog, options } = this.#parts
    const rendered = renderNote(note, time_us, options)
    return { rendered, seq: backlog.note(rendered) }
  }
}

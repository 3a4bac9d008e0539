import { limits } from '../lib/limits.js'
import { type Doubts, no_doubts } from './doubts.js'
import { temporary_schema } from './entries.js'
import { Layer } from './layer.js'
import type { Unsettled } from './names.js'

/** The state of a session's overlay at a SAVEPOINT. */
interface Mark {
  readonly name: string
  /** Layers that existed then. */
  readonly height: number
  /** What was in doubt then. */
  readonly doubts: Doubts
}

/** What a transaction leaves behind when it ends well. */
export interface CommittedChanges {
  /** Changes for every session of the database; undefined when there are none. */
  readonly shared: Layer | undefined
  /** True when only a new snapshot shows everything that the transaction did. */
  readonly wants_refresh: boolean
  /** What nobody can say until the catalog is read again. */
  readonly doubts: Doubts
}

/**
 * One session's changes: a stack of layers for the open transaction, so that ROLLBACK TO takes off
 * what came after the savepoint, and below it the temporary objects that outlive transactions.
 */
export class Overlay {
  #temporary = new Layer()
  #layers: Layer[] = []
  #marks: Mark[] = []
  #wants_refresh = false
  #doubts: Doubts = no_doubts
  #doubtful = false
  /** The open transaction ended a doubt, which its ROLLBACK would bring back. */
  #doubt_returns = false
  #revision = 0

  /** Changes with everything that could change a resolution. */
  get revision(): number {
    return this.#revision
  }

  /** True when the session sees exactly what every other session sees. */
  get empty(): boolean {
    const changed = this.#layers.length > 0 || this.#temporary.size > 0
    return !changed && this.#doubts === no_doubts
  }

  /** What the COMMIT of the open transaction would change for all. */
  get uncommitted(): Unsettled {
    const swept = this.#doubts !== no_doubts || this.#layers.some(({ schemas }) => schemas.size > 0)
    if (swept) return 'schemas'
    return this.#layers.length > 0 || this.#wants_refresh ? 'names' : 'nothing'
  }

  /** True when there may be temporary objects that we do not know of. */
  get doubtful(): boolean {
    return this.#doubtful
  }

  /** Bottom first, to be put over the shared layers. */
  layers(): readonly Layer[] {
    return this.#temporary.size === 0 ? this.#layers : [this.#temporary, ...this.#layers]
  }

  /** The layer that takes the next change. */
  writable(): Layer {
    this.#revision += 1
    const top = this.#layers.at(-1)
    const floor = this.#marks.at(-1)?.height ?? 0
    if (top !== undefined && this.#layers.length > floor) {
      if (top.size > limits.overlay_entries) top.trim(limits.overlay_entries)
      return top
    }
    return this.#push()
  }

  /** A schema's new name needs a layer that holds nothing under the old one. */
  renameSchema(from: string, to: string): void {
    this.#revision += 1
    this.#push().renameSchema(from, to)
  }

  /** Something happened that no layer can hold. */
  wantRefresh(): void {
    this.#wants_refresh = true
  }

  /** Something changed of which only a new snapshot shows what it is now. */
  doubt(doubts: Doubts): void {
    this.#wants_refresh = true
    if ((this.#doubts | doubts) === this.#doubts) return
    this.#doubts |= doubts
    this.#revision += 1
  }

  /** What the open transaction has put in doubt. */
  get doubts(): Doubts {
    return this.#doubts
  }

  savepoint(name: string): void {
    this.#marks.push({ name, height: this.#layers.length, doubts: this.#doubts })
    if (this.#marks.length > limits.overlay_savepoints) this.#marks.shift()
  }

  release(name: string): void {
    const index = this.#markIndex(name)
    if (index !== -1) this.#marks.length = index
  }

  /** The savepoint itself stays, as it does in the server. */
  rollbackTo(name: string): void {
    const index = this.#markIndex(name)
    const mark = this.#marks[index]
    if (mark === undefined) return
    this.#marks.length = index + 1
    if (this.#doubts !== mark.doubts) {
      this.#doubts = mark.doubts
      this.#revision += 1
    }
    if (this.#layers.length === mark.height) return
    this.#layers.length = mark.height
    this.#revision += 1
    this.#restoreDoubt()
  }

  rollback(): void {
    this.#restoreDoubt()
    this.#end()
  }

  /** Ends the transaction: temporary objects stay here, everything else is handed out. */
  commit(): CommittedChanges {
    const wants_refresh = this.#wants_refresh
    const doubts = this.#doubts
    const [shared, ...upper] = this.#layers
    this.#end()
    if (shared === undefined) return { shared: undefined, wants_refresh, doubts }
    for (const layer of upper) shared.absorb(layer)
    this.#temporary.absorb(shared.extractSchema(temporary_schema))
    this.#temporary = this.#temporary.withoutEnded()
    return { shared: shared.size === 0 ? undefined : shared, wants_refresh, doubts }
  }

  /** Follows the transaction: ROLLBACK of a DISCARD TEMP brings the objects back. */
  discardTemporary(): void {
    const hidden = this.layers()
    const top = this.writable()
    for (const layer of hidden) top.removeAll(layer, temporary_schema)
    this.#doubt_returns ||= this.#doubtful
    this.#doubtful = false
  }

  doubtTemporary(): void {
    if (this.#doubtful) return
    this.#doubtful = true
    this.#revision += 1
  }

  #restoreDoubt(): void {
    if (this.#doubt_returns) this.doubtTemporary()
  }

  #end(): void {
    this.#marks = []
    if (this.#doubts !== no_doubts) this.#revision += 1
    this.#wants_refresh = false
    this.#doubts = no_doubts
    this.#doubt_returns = false
    if (this.#layers.length === 0) return
    this.#layers = []
    this.#revision += 1
  }

  #push(): Layer {
    const layer = new Layer()
    this.#layers.push(layer)
    return layer
  }

  #markIndex(name: string): number {
    return this.#marks.findLastIndex((mark) => mark.name === name)
  }
}

import { Fifo } from '../lib/fifo.js'

/** What waits in a fair queue. */
export interface Waiting {
  /** False once it has left the queue by another asker's turn: it is passed over. */
  readonly waiting: boolean
  /** What it costs, in whatever unit the queue's turns are. */
  readonly cost: number
}

/** What one asker has in the queue. */
interface Line<T> {
  readonly asker: object
  readonly items: Fifo<T>
  cost: number
  /** What it may still spend in this turn; below nothing it has taken more than its share. */
  credit: number
}

/**
 * A queue that serves its askers in turn: each may spend the same in a round, however much it has
 * waiting. Deficit round robin (Shreedhar and Varghese, 1995), save that a turn may be overdrawn
 * and is paid back by passing over the following ones.
 */
export class FairQueue<T extends Waiting> {
  readonly #turn_cost: number
  readonly #lines = new Map<object, Line<T>>()
  readonly #round = new Fifo<Line<T>>()
  #cost = 0

  /** `turn_cost` is what an asker may spend in one turn. */
  constructor(turn_cost: number) {
    this.#turn_cost = turn_cost
  }

  /** Askers that have something in the queue. */
  get askers(): number {
    return this.#lines.size
  }

  /** The cost of all that is in the queue. */
  get cost(): number {
    return this.#cost
  }

  /** The cost of what one asker has in the queue. */
  costOf(asker: object): number {
    return this.#lines.get(asker)?.cost ?? 0
  }

  /** Puts an item at the end of an asker's line; the same item may stand in several. */
  push(asker: object, item: T): void {
    let line = this.#lines.get(asker)
    if (line === undefined) {
      line = { asker, items: new Fifo(), cost: 0, credit: this.#turn_cost }
      this.#lines.set(asker, line)
      this.#round.push(line)
    }
    line.items.push(item)
    line.cost += item.cost
    this.#cost += item.cost
  }

  /** The item whose turn it is, or undefined when nothing waits. */
  peek(): T | undefined {
    for (let line = this.#round.peek(); line !== undefined; line = this.#round.peek()) {
      let item = line.items.peek()
      while (item !== undefined && !item.waiting) {
        this.#drop(line, item)
        item = line.items.peek()
      }
      if (item === undefined) {
        this.#round.shift()
        this.#lines.delete(line.asker)
      } else if (line.credit > 0) {
        return item
      } else {
        this.#round.shift()
        line.credit += this.#turn_cost
        this.#round.push(line)
      }
    }
    return undefined
  }

  /** Takes the item whose turn it is. */
  shift(): T | undefined {
    const item = this.peek()
    const line = this.#round.peek()
    if (item === undefined || line === undefined) return undefined
    line.credit -= item.cost
    this.#drop(line, item)
    return item
  }

  clear(): void {
    this.#lines.clear()
    this.#round.clear()
    this.#cost = 0
  }

  #drop(line: Line<T>, item: T): void {
    line.items.shift()
    line.cost -= item.cost
    this.#cost -= item.cost
  }
}

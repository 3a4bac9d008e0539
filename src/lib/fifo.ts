/**
 * A first-in first-out queue on one array. The dead prefix is cut off when it is longer than the
 * live part, so `shift` costs constant time on average and memory follows the live length.
 */
export class Fifo<T> {
  #items: (T | undefined)[] = []
  #head = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  push(item: T): void {
    this.#items.push(item)
  }

  /** The oldest item, or undefined when there is none. */
  peek(): T | undefined {
    return this.#items[this.#head]
  }

  /** The item `index` places behind the oldest. */
  at(index: number): T | undefined {
    return this.#items[this.#head + index]
  }

  /** The newest item. */
  last(): T | undefined {
    return this.length > 0 ? this.#items[this.#items.length - 1] : undefined
  }

  /** Place, from the oldest, of the first item that satisfies the condition, or -1; linear. */
  findIndex(condition: (item: T) => boolean): number {
    for (let index = this.#head; index < this.#items.length; index++) {
      const item = this.#items[index]
      if (item !== undefined && condition(item)) return index - this.#head
    }
    return -1
  }

  shift(): T | undefined {
    if (this.#head >= this.#items.length) return undefined
    const item = this.#items[this.#head]
    // The reference is dropped at once: a finished request may hold a megabyte of text.
    this.#items[this.#head] = undefined
    this.#head++
    if (this.#head === this.#items.length) {
      this.#items.length = 0
      this.#head = 0
    } else if (this.#head > 64 && this.#head * 2 > this.#items.length) {
      this.#items.splice(0, this.#head)
      this.#head = 0
    }
    return item
  }

  /** Removes the item `index` places behind the oldest; linear, for rare cases only. */
  removeAt(index: number): void {
    this.#items.splice(this.#head + index, 1)
  }

  clear(): void {
    this.#items.length = 0
    this.#head = 0
  }
}

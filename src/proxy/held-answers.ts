import type { Socket } from 'node:net'
import { Fifo } from '../lib/fifo.js'

/** So little is copied, rather than let it keep the place that it was read to. */
const small_bytes = 2_048

/** Bytes of the server on their way to the client that must not be seen there yet, in order. */
export class HeldAnswers {
  readonly #chunks = new Fifo<Buffer>()
  /** Bytes of the oldest chunk that have passed. */
  #passed_of_first = 0
  #passed = 0
  /** Bytes that wait. */
  bytes = 0
  /** Chunks that are kept as they came. */
  #uncopied = 0

  /** True when some of what waits lies where it was read to. */
  get keeps_reads(): boolean {
    return this.#uncopied > 0
  }

  hold(chunk: Buffer): void {
    const small = chunk.length <= small_bytes
    if (!small) this.#uncopied++
    this.#chunks.push(small ? Buffer.from(chunk) : chunk)
    this.bytes += chunk.length
  }

  /**
   * Writes to the client what stands before `position`, counted from the first byte that was held.
   * False when the client's buffer is full.
   */
  pass(position: number, client: Socket): boolean {
    let more = true
    for (let left = position - this.#passed; left > 0; left = position - this.#passed) {
      const chunk = this.#chunks.peek()
      if (chunk === undefined) break
      const from = this.#passed_of_first
      const end = Math.min(chunk.length, from + left)
      more = client.write(from === 0 && end === chunk.length ? chunk : chunk.subarray(from, end))
      this.#passed_of_first = end
      this.#passed += end - from
      this.bytes -= end - from
      if (end < chunk.length) break
      if (chunk.length > small_bytes) this.#uncopied--
      this.#chunks.shift()
      this.#passed_of_first = 0
    }
    return more
  }

  /** Nobody is there to see them any more. */
  drop(): void {
    this.#chunks.clear()
    this.#uncopied = 0
    this.bytes = 0
  }
}

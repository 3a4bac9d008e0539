import type { Findings } from './findings.js'
import { chainHash, type Seal } from './seal.js'

/** How far the file that is being read is sealed, and what its first record says. */
export interface SealedFile {
  readonly name: string
  /** False when its first record names a file before it. */
  readonly is_first: boolean
  /** Whether it begins behind a file that failed, so that records may be written again in it. */
  readonly repeats: boolean
  /** Where the next seal must begin. */
  sealed_to: number
  /** End of the last seal's own line. */
  seal_end: number
  /** First number of the records that the next seal covers, and the last number read. */
  first_seq: number
  last_seq: number
  closed: boolean
}

/** Whether each seal follows from the one before it and from the bytes that it covers. */
export class ChainCheck {
  readonly #findings: Findings
  #last: Seal | undefined
  /** Seals that were written again behind a failure, whose own place may have been lost. */
  #displaced: string | undefined
  #seals = 0
  /** True behind a file that could not be read any more. */
  #passed_over = false

  constructor(findings: Findings) {
    this.#findings = findings
  }

  get last(): Seal | undefined {
    return this.#last
  }

  get seals(): number {
    return this.#seals
  }

  /** The next seal follows one that is not shown. */
  passOver(): void {
    this.#passed_over = true
  }

  /**
   * Takes a seal that stands at these bytes of the file. False when it is the repeat of a seal of
   * another file, which is a record like any other.
   */
  take(seal: Seal, file: SealedFile, [from, to]: [number, number], digest: () => Buffer): boolean {
    if (seal.file !== file.name) {
      if (file.repeats) {
        this.#displaced = seal.hash
        return false
      }
      const text = `a seal of ${seal.file} stands here: the file was renamed or swapped, or the seal copied`
      this.#findings.add({ kind: 'altered', file: file.name, bytes: [from, to], text })
    }
    const covered: [number, number] = [file.sealed_to, from]
    const range_sha256 = digest()
    this.#checkPrevious(seal, file, [from, to])
    const records: [number, number] = [file.first_seq, Math.max(file.first_seq, file.last_seq - 1)]
    const place = { file: file.name, bytes: covered, ...(file.first_seq > 0 && { records }) }
    if (seal.from !== covered[0] || seal.to !== covered[1]) {
      const text = `the seal behind these bytes was made for bytes ${seal.from} to ${seal.to}: bytes or seals were inserted or removed`
      this.#findings.add({ kind: 'altered', ...place, text })
    } else if (chainHash(seal.previous_hash, range_sha256) !== seal.hash) {
      const text = 'these bytes are not the ones that were sealed'
      this.#findings.add({ kind: 'altered', ...place, text })
    }
    if (this.#last !== undefined && seal.time < this.#last.time) {
      const text = `the clock went back: sealed at ${seal.time}, the seal before at ${this.#last.time}`
      this.#findings.add({ kind: 'note', file: file.name, bytes: [from, to], text })
    }
    this.#last = seal
    this.#seals++
    file.sealed_to = from
    file.seal_end = to
    file.first_seq = 0
    file.closed = seal.closing === true
    return true
  }

  #checkPrevious(seal: Seal, file: SealedFile, bytes: [number, number]): void {
    const before = this.#last
    const passed_over = this.#passed_over
    this.#passed_over = false
    const at = { file: file.name, bytes }
    if (before === undefined) {
      if (!file.is_first || seal.previous_hash === undefined) return
      const text = 'the first seal of the trail names one before it: the beginning is missing'
      this.#findings.add({ kind: 'altered', ...at, text })
      return
    }
    if (seal.trail !== before.trail) {
      const text = `this is a seal of another trail, ${seal.trail}`
      this.#findings.add({ kind: 'altered', ...at, text })
    }
    if (passed_over || seal.previous_hash === before.hash) return
    if (seal.previous_hash === undefined) {
      const text =
        'the chain of seals begins anew: the files before could not be read at that start'
      this.#findings.add({ kind: 'gap', ...at, text })
    } else if (seal.previous_hash !== this.#displaced) {
      const text = `the seal does not follow the one before it (${before.file}, byte ${before.to}): seals or files were removed, moved or put in`
      this.#findings.add({ kind: 'altered', ...at, text })
    }
  }
}

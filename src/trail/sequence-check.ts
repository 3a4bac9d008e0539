import { limits } from '../lib/limits.js'
import type { Findings } from './findings.js'

/** The head of a JSON record: the key that tells it from all others. */
export interface RecordHead {
  readonly trail: string
  readonly epoch: number
  readonly seq: number
}

const head_length = 140
const head_pattern = /^\{"v":1,"trail":"([\w-]{8,64})","epoch":(\d{1,15}),"seq":(\d{1,15}),/

/** Reads the head of a line; undefined when it is no record of the JSON format. */
export function readHead(line: Buffer): RecordHead | undefined {
  const match = head_pattern.exec(line.toString('latin1', 0, Math.min(line.length, head_length)))
  const [, trail, epoch, seq] = match ?? []
  return trail === undefined ? undefined : { trail, epoch: Number(epoch), seq: Number(seq) }
}

/** Records of the server log that a record of the file accounts for. */
export interface DivertedRange {
  readonly epoch: number
  readonly from_seq: number
  readonly to_seq: number
  readonly records: number
  readonly sha256: string | undefined
  readonly file: string
}

/** Where a record stands in its file. */
interface Place {
  readonly from: number
  readonly to: number
}

interface Missing {
  readonly epoch: number
  from: number
  to: number
  readonly file: string
}

/**
 * Whether the numbers of a trail are without gaps and in order. Records that were written again
 * after a failure, or that went to the server log, fill the gaps that they left.
 */
export class SequenceCheck {
  readonly #findings: Findings
  #missing: Missing[] = []
  #epoch = 0
  #highest = 0

  constructor(findings: Findings) {
    this.#findings = findings
  }

  /** Takes the next record; `repeats` says whether its file begins behind one that failed. */
  take(
    file: string,
    { epoch, seq }: Pick<RecordHead, 'epoch' | 'seq'>,
    place: Place,
    repeats: boolean,
  ): void {
    if (epoch !== this.#epoch) {
      if (epoch < this.#epoch) this.#disorder(file, `of start ${epoch}`, seq, place)
      // What the oldest file of a trail begins with may have lost its predecessors to retention.
      const first = this.#epoch === 0 ? seq : 1
      this.#epoch = epoch
      this.#highest = first - 1
    }
    if (seq === this.#highest + 1) {
      this.#highest = seq
      return
    }
    if (seq > this.#highest) {
      this.#miss({ epoch, from: this.#highest + 1, to: seq - 1, file })
      this.#highest = seq
      return
    }
    if (repeats) this.#fill(epoch, seq, seq)
    else this.#disorder(file, 'is out of order or repeated', seq, place)
  }

  /** The next record follows others that are not shown. */
  passOver(): void {
    this.#epoch = 0
  }

  /** Tells what is missing and is not in the server log by what the trail itself says. */
  finish(diverted: readonly DivertedRange[]): void {
    for (const { epoch, from_seq, to_seq } of diverted) this.#fill(epoch, from_seq, to_seq)
    for (const gap of this.#missing) this.#tell(gap)
    this.#missing = []
  }

  #miss(missing: Missing): void {
    this.#missing.push(missing)
    if (this.#missing.length <= limits.verify_gaps) return
    const oldest = this.#missing.shift()
    if (oldest !== undefined) this.#tell(oldest)
  }

  #fill(epoch: number, from: number, to: number): void {
    if (this.#missing.length === 0) return
    this.#missing = this.#missing.flatMap((gap) => {
      if (gap.epoch !== epoch || gap.to < from || gap.from > to) return [gap]
      const before = { ...gap, to: from - 1 }
      const behind = { ...gap, from: to + 1 }
      return [before, behind].filter((part) => part.from <= part.to)
    })
  }

  #tell({ epoch, from, to, file }: Missing): void {
    const text = `records ${from} to ${to} of start ${epoch} are missing`
    this.#findings.add({ kind: 'gap', file, text, records: [from, to] })
  }

  #disorder(file: string, how: string, seq: number, { from, to }: Place): void {
    const text = `record ${seq} ${how}`
    this.#findings.add({ kind: 'altered', file, bytes: [from, to], records: [seq, seq], text })
  }
}

import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { limits } from '../lib/limits.js'
import type { Findings } from './findings.js'
import { type DivertedRange, type RecordHead, readHead } from './sequence-check.js'

/** Places in the log where a range of CSV records may begin that are tried at once. */
const attempts_max = 64

const line_head = /^\{"level":50,"time":\d+,"code":"audit\.fallback","record":/

interface Shown {
  readonly range: DivertedRange
  hash: Hash
  records: number
  /** CSV: not found as they were sent, where the log holds records of others as well. */
  ambiguous?: boolean
}

/**
 * Whether the server log holds the records that the trail says went there. The trail names them by
 * number and hash; CSV records have no numbers and are taken in the order of the log.
 */
export async function checkDiverted(
  ranges: readonly DivertedRange[],
  server_log: string | undefined,
  findings: Findings,
): Promise<void> {
  if (ranges.length === 0) return
  const shown = ranges.map((range): Shown => ({ range, hash: createHash('sha256'), records: 0 }))
  if (server_log !== undefined) await readLog(server_log, shown)
  for (const { range, hash, records, ambiguous } of shown) {
    const { file, from_seq, to_seq } = range
    const place = { file, records: [from_seq, to_seq] as [number, number] }
    const which = `${range.records} records (${from_seq} to ${to_seq} of start ${range.epoch})`
    if (server_log === undefined) {
      const text = `${which} went to the server log, which was not shown (--server-log)`
      findings.add({ kind: 'gap', ...place, text })
    } else if (records < range.records) {
      const text = `${which} went to the server log; the one that was shown holds ${records} of them`
      findings.add({ kind: 'gap', ...place, text })
    } else if (range.sha256 === undefined) {
      const text = `${which} are in the server log; the writer that sent them died before it had named their hash`
      findings.add({ kind: 'gap', ...place, text })
    } else if (ambiguous === true) {
      const text = `${which} went to the server log, where they are not found among others; CSV records have no numbers`
      findings.add({ kind: 'gap', ...place, text })
    } else if (
      hash.digest('hex') !== range.sha256 &&
      !(await isRepeated(server_log, range, records - range.records))
    ) {
      const text = `${which} are in the server log, but are not the ones that were sent there`
      findings.add({ kind: 'altered', ...place, text })
    }
  }
}

async function readLog(path: string, shown: readonly Shown[]): Promise<void> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity })
  const csv = new CsvSearch(shown)
  for await (const line of lines) {
    const text = recordIn(line)
    const value = text === undefined ? undefined : parsed(text)
    // A line that was cut short: the record follows whole.
    if (text === undefined || value === undefined) continue
    if (typeof value === 'string') csv.take(value)
    else takeJson(Buffer.from(text), shown)
  }
  csv.finish()
}

/**
 * Whether the last records of the range are the ones that the trail names, and those before them
 * repeats: a writer that dies behind a record, before it has counted it, has a successor that sends
 * it again.
 */
async function isRepeated(path: string, range: DivertedRange, extra: number): Promise<boolean> {
  if (extra <= 0 || extra > limits.verify_gaps) return false
  const early = new Map<number, string>()
  const hash = createHash('sha256')
  let skipped = 0
  for await (const line of createInterface({
    input: createReadStream(path),
    crlfDelay: Infinity,
  })) {
    const text = recordIn(line)
    if (text === undefined || typeof parsed(text) !== 'object') continue
    const record = Buffer.from(text)
    const head = readHead(record)
    if (head === undefined || !isWithin(head, range)) continue
    const digest = createHash('sha256').update(record).digest('hex')
    if (skipped < extra) {
      skipped++
      if ((early.get(head.seq) ?? digest) !== digest) return false
      early.set(head.seq, digest)
      continue
    }
    if (early.get(head.seq) === digest) early.delete(head.seq)
    hash.update(record).update('\n')
  }
  return early.size === 0 && hash.digest('hex') === range.sha256
}

/** The record in a line of the log, in JSON or as a JSON string; undefined in all other lines. */
function recordIn(line: string): string | undefined {
  const head = line_head.exec(line)?.[0]
  return head === undefined || !line.endsWith('}') ? undefined : line.slice(head.length, -1)
}

function isWithin({ epoch, seq }: RecordHead, range: DivertedRange): boolean {
  return epoch === range.epoch && seq >= range.from_seq && seq <= range.to_seq
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function takeJson(record: Buffer, shown: readonly Shown[]): void {
  const head = readHead(record)
  if (head === undefined) return
  for (const one of shown) {
    if (!isWithin(head, one.range)) continue
    one.hash.update(record).update('\n')
    one.records++
  }
}

interface Attempt {
  readonly hash: Hash
  records: number
}

/**
 * Finds the ranges of CSV records, in the order of the log. Between them may stand others: of a
 * pgwitness that was killed before it could name them. A range begins with audit.fallback, or, when
 * the log failed as well, with an older record: then only where the range before it ends.
 */
class CsvSearch {
  readonly #ranges: Shown[]
  readonly #expected: number
  #attempts: Attempt[] = []
  #fresh = true
  #seen = 0
  #longest: Attempt | undefined

  constructor(shown: readonly Shown[]) {
    this.#ranges = [...shown]
    this.#expected = shown.reduce((sum, { range }) => sum + range.records, 0)
  }

  take(record: string): void {
    this.#seen++
    const [one] = this.#ranges
    if (one === undefined) return
    const begins = record.startsWith('AUDIT: SESSION,AUDIT,') && record.includes(',audit.fallback,')
    if (this.#fresh || begins) this.#begin()
    for (const attempt of this.#attempts) {
      attempt.hash.update(record).update('\n')
      attempt.records++
    }
    const [oldest] = this.#attempts
    if (oldest === undefined || oldest.records < one.range.records) return
    this.#attempts.shift()
    this.#longest ??= oldest
    const { sha256 } = one.range
    if (sha256 === undefined || oldest.hash.copy().digest('hex') === sha256) this.#found(oldest)
  }

  finish(): void {
    if (this.#seen === 0) return
    for (const one of this.#ranges) {
      const attempt = this.#longest ?? this.#attempts[0]
      one.records = attempt?.records ?? 0
      one.ambiguous = this.#seen > this.#expected && one.records >= one.range.records
      if (attempt !== undefined) one.hash = attempt.hash.copy()
      this.#longest = undefined
      this.#attempts = []
    }
  }

  #begin(): void {
    this.#fresh = false
    // A log that failed often may hold the same record many times; the first is the beginning.
    if (this.#attempts.length >= attempts_max) return
    this.#attempts.push({ hash: createHash('sha256'), records: 0 })
  }

  #found(attempt: Attempt): void {
    const one = this.#ranges.shift()
    if (one !== undefined) {
      one.hash = attempt.hash
      one.records = attempt.records
    }
    this.#attempts = []
    this.#longest = undefined
    this.#fresh = true
  }
}

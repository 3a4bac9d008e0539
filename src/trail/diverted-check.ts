import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Findings } from './findings.js'
import { type DivertedRange, readHead } from './sequence-check.js'

const line_head = /^\{"level":50,"time":\d+,"code":"audit\.fallback","record":/

interface Shown {
  readonly range: DivertedRange
  readonly hash: Hash
  records: number
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
  for (const { range, hash, records } of shown) {
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
    } else if (hash.digest('hex') !== range.sha256) {
      const text = `${which} are in the server log, but are not the ones that were sent there`
      findings.add({ kind: 'altered', ...place, text })
    }
  }
}

async function readLog(path: string, shown: readonly Shown[]): Promise<void> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity })
  for await (const line of lines) {
    const head = line_head.exec(line)?.[0]
    if (head === undefined || !line.endsWith('}')) continue
    const text = line.slice(head.length, -1)
    if (text.startsWith('"')) takeCsv(text, shown)
    else takeJson(Buffer.from(text), shown)
  }
}

function takeJson(record: Buffer, shown: readonly Shown[]): void {
  const head = readHead(record)
  if (head === undefined) return
  for (const one of shown) {
    const { epoch, from_seq, to_seq } = one.range
    if (epoch === head.epoch && head.seq >= from_seq && head.seq <= to_seq) take(one, record)
  }
}

function takeCsv(text: string, shown: readonly Shown[]): void {
  const one = shown.find(({ range, records }) => records < range.records)
  if (one === undefined) return
  try {
    take(one, Buffer.from(String(JSON.parse(text))))
  } catch {
    // A line that was cut short: the record follows whole.
  }
}

function take(one: Shown, record: Buffer): void {
  one.hash.update(record).update('\n')
  one.records++
}

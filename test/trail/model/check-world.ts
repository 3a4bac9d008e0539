import fs from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { RecordScanner } from '../../../src/trail/record-scanner.js'
import { verifyDirectory } from '../tampering/sealed-trail.js'
import { divertedLines, fileNames } from '../trail-fixture.js'
import type { TrailWorld } from './trail-world.js'

/** A record of a trail, in a file or in the server log, byte for byte. */
interface Found {
  readonly text: string
  /** Of records that the model gave; undefined for the trail's own. */
  readonly n: number | undefined
  /** In JSON alone. */
  readonly epoch: number
  readonly seq: number
}

const json_pattern =
  /^\{"v":1,"trail":"[^"]*","epoch":(\d+),"seq":(\d+),(?:"instance":"test","n":(\d+),)?/
const csv_pattern = /^AUDIT: SESSION,READ,(\d+),"line\n/

function readRecord(text: string, format: 'json' | 'csv'): Found {
  if (format === 'csv') {
    const n = csv_pattern.exec(text)?.[1]
    return { text, n: n === undefined ? undefined : Number(n), epoch: 0, seq: 0 }
  }
  const [, epoch, seq, n] = json_pattern.exec(text) ?? []
  expect(seq, text.slice(0, 200)).toBeDefined()
  return {
    text,
    n: n === undefined ? undefined : Number(n),
    epoch: Number(epoch),
    seq: Number(seq),
  }
}

/** The whole records of a file's text. */
function recordsOf(text: string, format: 'json' | 'csv'): Found[] {
  const bytes = Buffer.from(text)
  const ends = new RecordScanner().ends(bytes)
  return ends.map((end, index) =>
    readRecord(bytes.subarray(ends[index - 1] ?? 0, end - 1).toString(), format),
  )
}

function filesOf({ directory, disk, format }: TrailWorld): Found[][] {
  const texts = fileNames(directory).map((name) => fs.readFileSync(join(directory, name), 'utf8'))
  return [...disk.removed, ...texts].map((text) => recordsOf(text, format))
}

function logOf({ server_log, format }: TrailWorld): Found[] {
  if (!fs.existsSync(server_log)) return []
  // A line that was cut short is followed by the whole one.
  return divertedLines(server_log)
    .filter(isWhole)
    .map((line) => readRecord(format === 'csv' ? String(JSON.parse(line)) : line, format))
}

function isWhole(line: string): boolean {
  try {
    JSON.parse(line)
    return true
  } catch {
    return false
  }
}

/**
 * Each file by itself: no record twice, none before one that came earlier. The first record has a
 * number of its own, which may be higher than those of records that are written again.
 */
function checkOrder(files: readonly Found[][]): void {
  for (const records of files) {
    let last_n: number | undefined
    for (const [index, { seq, n }] of records.entries()) {
      const before = records[index - 1]
      if (before !== undefined && index > 1 && seq > 0) expect(seq).toBeGreaterThan(before.seq)
      if (n === undefined) continue
      if (last_n !== undefined) expect(n).toBe(last_n + 1)
      last_n = n
    }
  }
}

/**
 * A number stands for one text only, and the numbers of a start are without a gap, unless it ended
 * while records were to be written again: the record that says so comes before them.
 */
function checkNumbers(world: TrailWorld, records: readonly Found[]): void {
  const texts = new Map<string, string>()
  const highest = new Map<number, number>()
  for (const { epoch, seq, text } of records) {
    const key = `${epoch}/${seq}`
    expect(text).toBe(texts.get(key) ?? text)
    texts.set(key, text)
    highest.set(epoch, Math.max(highest.get(epoch) ?? 0, seq))
  }
  const cut = cutEpochs(world)
  for (const [epoch, last] of highest) {
    if (cut.has(epoch)) continue
    for (let seq = 1; seq <= last; seq++) {
      if (!texts.has(`${epoch}/${seq}`)) expect.fail(`record ${seq} of start ${epoch} is missing`)
    }
  }
}

function cutEpochs(world: TrailWorld): ReadonlySet<number> {
  return new Set(world.runs.filter(({ cut }) => cut).map(({ epoch }) => epoch))
}

/** Of each run its records up to some point, which is not before what it has acknowledged. */
function checkRuns(world: TrailWorld, records: readonly Found[]): void {
  const known = new Set(records.flatMap(({ n }) => n ?? []))
  for (const { first_n, end_n, safe_n } of world.runs) {
    let n = first_n
    while (n < end_n && known.has(n)) n++
    expect(n, `records from ${first_n} to before ${end_n}`).toBeGreaterThanOrEqual(safe_n)
    for (; n < end_n; n++) if (known.has(n)) expect.fail(`record ${n} is there, one before is not`)
  }
}

/** The same in the order of the numbers: JSON only. */
function checkSequence(world: TrailWorld, records: readonly Found[]): void {
  const sorted = [...records].sort((a, b) => a.epoch - b.epoch || a.seq - b.seq)
  const order = [...new Set(sorted.flatMap(({ n }) => n ?? []))]
  expect(order, 'the order of the queue').toEqual([...order].sort((a, b) => a - b))
  expect(order.length).toBeLessThanOrEqual(world.runs.at(-1)?.end_n ?? 0)
}

/** What findings a trail may leave that nobody has altered. */
const harmless = [
  /^gap: .*: the end of the file is not sealed/,
  /^gap: .*: the file was not closed/,
  /^gap: .*: a torn end of/,
  /^gap: .* bytes stand behind the last whole record$/,
  /^gap: .* records \(\d+ to \d+ of start \d+\) are in the server log; the writer that sent them died/,
  /^note: .*: the clock went back/,
  /^note: .*: the end of a record of .*, cut short by a crash/,
  /^note: .*: the file is empty/,
  /^note: .* seals have no signature/,
]

/** What the removal of a file leaves; it may have told of the removal of files by retention. */
const of_removal = [
  /^altered: .*: the file is missing/,
  /^altered: .*: the seal does not follow the one before it/,
  /^gap: .*: records \d+ to \d+ of start \d+ are missing/,
]

/** CSV records have no numbers: where a writer died, or a file is missing, repeats are not told from others for certain. */
const of_csv_deaths = [/^gap: .* went to the server log; the one that was shown holds \d+ of them$/]

/** What a failed sync leaves when the power fails as well: see docs/guarantees.md. */
const of_lost_syncs = [/^altered: .*: its end was cut off$/]

async function checkVerdict(world: TrailWorld): Promise<void> {
  const { directory, server_log, disturbed, deleted, disk } = world
  const shown = fs.existsSync(server_log) ? { server_log } : {}
  const told = await verifyDirectory(directory, { unsigned: true, ...shown })
  const of_cut = [...cutEpochs(world)].map(
    (epoch) => new RegExp(`^gap: .*: records \\d+ to \\d+ of start ${epoch} are missing`),
  )
  const expected = [
    ...harmless,
    ...of_cut,
    ...(deleted.size > 0 ? of_removal : []),
    ...(world.format === 'csv' && (world.thread_died || deleted.size > 0) ? of_csv_deaths : []),
    ...(disk.sync_failed && disk.power_lost ? of_lost_syncs : []),
  ]
  const unexpected = told.findings.filter(
    (finding) => !expected.some((pattern) => pattern.test(finding)),
  )
  expect(unexpected).toEqual([])
  if (!disturbed) expect(told.verdict).toBe(0)
}

/** Holds the trail to the model: what is in the files and in the server log together. */
export async function checkWorld(world: TrailWorld): Promise<void> {
  const files = filesOf(world)
  const records = [...files.flat(), ...logOf(world)]
  checkOrder(files)
  checkRuns(world, records)
  if (world.format === 'json') {
    checkNumbers(world, records)
    checkSequence(world, records)
  }
  await checkVerdict(world)
}

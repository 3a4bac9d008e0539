import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { detail_schemas, isDetailCommand } from '../../src/record/detail.js'
import {
  fileNames,
  findFaults,
  removeDirectory,
  scratchDirectory,
  storedLines,
  trailOptions,
  WriterHarness,
} from './trail-fixture.js'

const day_ms = 86_400_000
const hour_ms = 3_600_000

let directory: string

beforeEach(() => {
  directory = scratchDirectory()
})

afterEach(() => {
  removeDirectory(directory)
})

function sha256(path: string): string {
  return createHash('sha256').update(fs.readFileSync(path)).digest('hex')
}

describe('files of the trail', () => {
  it('bear time and number, have their mode whatever the umask, and are named by `current`', () => {
    for (const [mask, file_mode] of [
      [0o777, 0o600],
      [0o000, 0o640],
      [0o022, 0o000],
    ] as const) {
      const before = process.umask(mask)
      const harness = new WriterHarness(trailOptions(directory, { file_mode })).start()
      harness.close()
      process.umask(before)
      const path = join(directory, harness.currentFile)
      expect(fs.statSync(path).mode & 0o7777).toBe(file_mode)
      expect(fs.readlinkSync(join(directory, 'current'))).toBe(harness.currentFile)
      fs.chmodSync(path, 0o600)
    }
    expect(fileNames(directory)).toEqual([
      'audit-2026-11-21_220601Z-0001.log',
      'audit-2026-11-21_220601Z-0002.log',
      'audit-2026-11-21_220601Z-0003.log',
    ])
    expect(fs.statSync(join(directory, 'trail.id')).mode & 0o7777).toBe(0o600)
  })

  it('are never written through a planted link', () => {
    const victim = join(directory, 'victim')
    fs.writeFileSync(victim, 'untouched')
    fs.symlinkSync(victim, join(directory, 'audit-2026-11-21_220601Z-0001.log'))
    fs.symlinkSync('nowhere', join(directory, 'audit-2026-11-21_220601Z-0002.log'))
    fs.symlinkSync(victim, join(directory, 'current'))
    const harness = new WriterHarness(trailOptions(directory)).start()
    harness.append(1, 10)
    harness.close()
    expect(harness.currentFile).toBe('audit-2026-11-21_220601Z-0003.log')
    expect(fs.readFileSync(victim, 'utf8')).toBe('untouched')
    expect(fs.readlinkSync(join(directory, 'current'))).toBe(harness.currentFile)
  })

  it('begin with audit.start and end with audit.stop, numbered from 1 without a gap', async () => {
    const harness = new WriterHarness(trailOptions(directory)).start()
    harness.append(1, 500)
    harness.close()
    const lines = await storedLines(directory)
    expect(lines.map(({ record }) => record.seq)).toEqual(lines.map((_, index) => index + 1))
    expect(lines[0]?.record).toMatchObject({
      v: 1,
      epoch: 1,
      seq: 1,
      command: 'audit.start',
      detail: { version: 'test', identity: 'new' },
    })
    expect(lines.slice(1, -2).map(({ record }) => record.n)).toEqual(
      Array.from({ length: 500 }, (_, index) => index + 1),
    )
    expect(lines.at(-2)?.record).toMatchObject({
      command: 'audit.stop',
      detail: { reason: 'test' },
    })
    expect(lines.at(-1)?.record).toMatchObject({ command: 'audit.seal', detail: { closing: true } })
    expect(harness.messages.at(-1)).toEqual({ kind: 'closed', unwritten_bytes: 0 })
  })

  it('count their starts, and name the file before with its hash', async () => {
    for (const epoch of [1, 2, 3]) {
      const harness = new WriterHarness(trailOptions(directory)).start()
      harness.append(epoch, epoch)
      harness.close()
    }
    const lines = await storedLines(directory)
    const starts = lines.filter(({ record }) => record.command === 'audit.start')
    expect(starts.map(({ record }) => record.epoch)).toEqual([1, 2, 3])
    expect(new Set(lines.map(({ record }) => record.trail)).size).toBe(1)
    for (const [index, start] of starts.slice(1).entries()) {
      const file = starts[index]?.file ?? ''
      const path = join(directory, file)
      const last = lines.findLast((line) => line.file === file)?.record
      expect(start.record.detail?.['last_record']).toEqual({ epoch: last?.epoch, seq: last?.seq })
      expect(start.record.detail?.['previous']).toEqual({
        file,
        bytes: fs.statSync(path).size,
        sha256: sha256(path),
      })
    }
  })

  it('tell a directory that lost its trail.id who it is', async () => {
    new WriterHarness(trailOptions(directory)).start().close()
    fs.unlinkSync(join(directory, 'trail.id'))
    new WriterHarness(trailOptions(directory)).start().close()
    const lines = await storedLines(directory)
    expect(new Set(lines.map(({ record }) => record.trail)).size).toBe(1)
    expect(lines.map(({ record }) => record.epoch)).toEqual([1, 1, 1, 2, 2, 2])
  })
})

describe('rotation', () => {
  it('by size loses, splits and mixes up nothing', async () => {
    const size_bytes = 20_000
    const options = trailOptions(directory, { rotate: { age_ms: 0, size_bytes } })
    const harness = new WriterHarness(options).start()
    for (let round = 0; round < 20; round++) {
      harness.append(round * 100 + 1, round * 100 + 100, 'p'.repeat(round * 13))
      harness.pass(20)
    }
    harness.close()
    const lines = await storedLines(directory)
    expect(lines.map(({ record }) => record.seq)).toEqual(lines.map((_, index) => index + 1))
    expect(lines.flatMap(({ record }) => record.n ?? [])).toEqual(
      Array.from({ length: 2000 }, (_, index) => index + 1),
    )
    const names = fileNames(directory)
    expect(names.length).toBeGreaterThan(10)
    for (const [index, name] of names.entries()) {
      const own = lines.filter(({ file }) => file === name).map(({ record }) => record)
      // The closing record and its seal come on top of the size.
      expect(fs.statSync(join(directory, name)).size).toBeLessThan(size_bytes + 1_000)
      if (index > 0) {
        const previous = {
          file: names[index - 1],
          sha256: sha256(join(directory, names[index - 1] ?? '')),
        }
        const detail = { event: 'opened', reason: 'size', previous }
        expect(own[0]).toMatchObject({ command: 'audit.rotate', detail })
      }
      const next = names[index + 1]
      if (next === undefined) continue
      const detail = { event: 'closed', next, records: own.length - 2 }
      expect(own.at(-2)).toMatchObject({ command: 'audit.rotate', detail })
    }
  })

  it('by size does not turn on a record that is larger than a file', async () => {
    const options = trailOptions(directory, { rotate: { age_ms: 0, size_bytes: 5_000 } })
    const harness = new WriterHarness(options).start()
    for (let n = 1; n <= 3; n++) harness.append(n, n, 'x'.repeat(50_000))
    harness.close()
    expect(fileNames(directory)).toHaveLength(3)
    expect(findFaults((await storedLines(directory)).map(({ text }) => text))).toEqual([])
  })

  it('by age comes at midnight of the zone, also on the day the clocks change', () => {
    const rotate = { age_ms: day_ms, size_bytes: 0 }
    const options = trailOptions(directory, { rotate, time_zone: 'Europe/Berlin' })
    // 20:00 in Berlin on the eve of the day that has 25 hours.
    const harness = new WriterHarness(options, { time: '2026-10-24T18:00:00Z' }).start()
    harness.pass(32 * hour_ms, 60_000)
    expect(fileNames(directory)).toEqual([
      'audit-2026-10-24_180000Z-0001.log',
      'audit-2026-10-24_220000Z-0002.log',
      'audit-2026-10-25_230000Z-0003.log',
    ])
  })

  it('by another age counts from the opening', () => {
    const options = trailOptions(directory, { rotate: { age_ms: 2 * hour_ms, size_bytes: 0 } })
    const harness = new WriterHarness(options).start()
    harness.pass(4 * hour_ms, 60_000)
    expect(fileNames(directory).map((name) => name.slice(17, 23))).toEqual([
      '220601',
      '000601',
      '020601',
    ])
  })
})

describe('records of its own', () => {
  it('have the details that the documentation promises', async () => {
    const options = trailOptions(directory, {
      rotate: { age_ms: hour_ms, size_bytes: 0 },
      retain: { files: 3 },
    })
    const first = new WriterHarness(options).start()
    first.pass(4 * hour_ms + 60_000, 60_000)
    fs.appendFileSync(join(directory, first.currentFile), '{"torn')
    new WriterHarness(options).start().close()
    const records = (await storedLines(directory)).map(({ record }) => record)
    const commands = new Set(records.map(({ command }) => command))
    for (const command of ['start', 'rotate', 'expire', 'recovered', 'stop']) {
      expect(commands).toContain(`audit.${command}`)
    }
    for (const { command = '', detail } of records) {
      if (!isDetailCommand(command)) throw new Error(`${command} has no detail`)
      expect(detail_schemas[command].safeParse(detail).error).toBeUndefined()
    }
  })
})

describe('retention', () => {
  it('removes closed files only, each removal on record', async () => {
    const options = trailOptions(directory, {
      rotate: { age_ms: hour_ms, size_bytes: 0 },
      retain: { files: 3 },
    })
    const harness = new WriterHarness(options).start()
    fs.writeFileSync(join(directory, 'not-ours.log'), 'stays')
    harness.pass(6 * hour_ms + 60_000, 60_000)
    harness.close()
    const names = fileNames(directory)
    expect(names.map((name) => Number(name.slice(-8, -4)))).toEqual([5, 6, 7])
    const lines = await storedLines(directory)
    const expired = lines.filter(({ record }) => record.command === 'audit.expire')
    // The record of the first removal was in a file that has gone since.
    expect(expired.map(({ record }) => record.detail)).toMatchObject([
      { file: 'audit-2026-11-21_230601Z-0002.log', reason: 'files' },
      { file: 'audit-2026-11-22_000601Z-0003.log', reason: 'files' },
      { file: 'audit-2026-11-22_010601Z-0004.log', reason: 'files' },
    ])
    expect(fs.existsSync(join(directory, 'not-ours.log'))).toBe(true)
  })
})

describe('a torn end', () => {
  it('is moved, named, and not part of what the successor vouches for', async () => {
    const first = new WriterHarness(trailOptions(directory)).start()
    first.append(1, 3)
    first.flush()
    const path = join(directory, first.currentFile)
    const whole = sha256(path)
    fs.appendFileSync(path, '{"v":1,"tra')
    new WriterHarness(trailOptions(directory)).start().close()
    expect(sha256(path)).toBe(whole)
    expect(fs.readFileSync(`${path}.torn`, 'utf8')).toBe('{"v":1,"tra')
    const lines = await storedLines(directory)
    const [start, recovered] = lines.slice(-4)
    expect(start?.record.detail?.['previous']).toMatchObject({
      file: first.currentFile,
      sha256: whole,
    })
    expect(recovered?.record).toMatchObject({
      command: 'audit.recovered',
      detail: { of: first.currentFile, file: `${first.currentFile}.torn`, bytes: 11 },
    })
  })

  it('of a CSV file is found behind quoted line ends', () => {
    const options = trailOptions(directory, { format: 'csv' })
    const first = new WriterHarness(options).start()
    first.queue.append('AUDIT: SESSION,"one\ntwo"')
    first.flush()
    const path = join(directory, first.currentFile)
    const whole = sha256(path)
    fs.appendFileSync(path, 'AUDIT: SESSION,"three\nfour')
    new WriterHarness(options).start().close()
    expect(sha256(path)).toBe(whole)
    expect(fs.readFileSync(`${path}.torn`, 'utf8')).toBe('AUDIT: SESSION,"three\nfour')
  })

  it('takes nothing away from a file that only lacks records', async () => {
    const first = new WriterHarness(trailOptions(directory)).start()
    fs.writeFileSync(join(directory, 'audit-2026-11-21_230000Z-0002.log'), '')
    new WriterHarness(trailOptions(directory)).start().close()
    const start = (await storedLines(directory)).findLast(
      ({ record }) => record.epoch === 2 && record.seq === 1,
    )
    expect(start?.record.detail).toMatchObject({
      previous: { file: first.currentFile },
      empty_files: ['audit-2026-11-21_230000Z-0002.log'],
    })
  })
})

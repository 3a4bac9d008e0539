import fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { rotationTime } from '../../src/trail/rotation-time.js'
import type { TrailOptions } from '../../src/trail/trail-options.js'
import { FaultyDisk } from './model/faulty-disk.js'
import { verifyDirectory } from './tampering/sealed-trail.js'
import {
  divertedLines,
  fileNames,
  findFaults,
  removeDirectory,
  scratchDirectory,
  storedLines,
  trailOptions,
  WriterHarness,
} from './trail-fixture.js'

const hour_ms = 3_600_000
const day_ms = 24 * hour_ms
const seal = { every_ms: 10_000, records: 50 }

let directory: string
let server_log: string

beforeEach(() => {
  directory = scratchDirectory()
  server_log = `${directory}.server.log`
})

afterEach(() => {
  removeDirectory(directory)
  fs.rmSync(server_log, { force: true })
})

function start(changes: Partial<TrailOptions>): { harness: WriterHarness; disk: FaultyDisk } {
  const disk = new FaultyDisk(directory, server_log)
  const options = trailOptions(directory, { seal, server_log: { path: server_log }, ...changes })
  return { harness: new WriterHarness(options, { disk: disk.calls }).start(), disk }
}

/** Removed files and the reasons, as the trail tells. */
async function expired(): Promise<[unknown, unknown][]> {
  return (await storedLines(directory))
    .filter(({ record }) => record.command === 'audit.expire')
    .map(({ record }) => [record.detail?.['file'], record.detail?.['reason']])
}

describe('midnight', () => {
  /** Local time and date of the rotation that follows, in the zone. */
  const next = (opened: string, time_zone: string) => {
    const at_ms = rotationTime(Date.parse(opened), day_ms, time_zone)
    const local = new Intl.DateTimeFormat('sv-SE', {
      timeZone: time_zone,
      dateStyle: 'short',
      timeStyle: 'medium',
    }).format(at_ms)
    return [new Date(at_ms).toISOString(), local]
  }

  it('is found in zones with half hours, and where clocks change by half of one', () => {
    expect(next('2026-11-21T12:00:00Z', 'Asia/Kolkata')).toEqual([
      ...['2026-11-21T18:30:00.000Z', '2026-11-22 00:00:00'],
    ])
    // Lord Howe changes by thirty minutes: back on 5 April 2026, on again on 4 October.
    expect(next('2026-04-04T13:30:00Z', 'Australia/Lord_Howe')).toEqual([
      ...['2026-04-05T13:30:00.000Z', '2026-04-06 00:00:00'],
    ])
    expect(next('2026-10-03T14:00:00Z', 'Australia/Lord_Howe')).toEqual([
      ...['2026-10-04T13:00:00.000Z', '2026-10-05 00:00:00'],
    ])
    expect(next('2026-03-08T12:00:00Z', 'America/St_Johns')).toEqual([
      ...['2026-03-09T02:30:00.000Z', '2026-03-09 00:00:00'],
    ])
  })

  it('rotates once a day through both changes of the clocks, whatever the zone', () => {
    const zones = ['Europe/Berlin', 'Australia/Lord_Howe', 'America/Sao_Paulo', 'Asia/Kolkata']
    for (const time_zone of [...zones, 'America/St_Johns', 'Pacific/Apia', 'UTC']) {
      const date = new Intl.DateTimeFormat('sv-SE', { timeZone: time_zone })
      let at_ms = Date.parse('2018-01-01T12:34:56Z')
      for (let day = 0; day < 366; day++) {
        const next_ms = rotationTime(at_ms, day_ms, time_zone)
        expect(date.format(next_ms - 1), time_zone).toBe(date.format(at_ms))
        expect(date.format(next_ms), time_zone).not.toBe(date.format(at_ms))
        at_ms = next_ms
      }
    }
  })
})

describe('a rotation', () => {
  it('while no file can be made is done later, and the open file takes records meanwhile', async () => {
    const { harness, disk } = start({ rotate: { age_ms: 0, size_bytes: 4_096 } })
    disk.faults.add('no_new_files')
    for (let n = 0; n < 20; n++) {
      harness.append(n * 10 + 1, n * 10 + 10, 'x'.repeat(100))
      harness.pass(100)
    }
    expect(fileNames(directory)).toHaveLength(1)
    expect(harness.control.mode).toBe('file')
    disk.faults.clear()
    harness.pass(10_000, 100)
    harness.append(201, 400, 'x'.repeat(100))
    harness.pass(1_000)
    harness.close()
    expect(fileNames(directory).length).toBeGreaterThan(2)
    expect(fs.existsSync(server_log)).toBe(false)
    const lines = await storedLines(directory)
    expect(lines.map(({ record }) => record.seq)).toEqual(lines.map((_, index) => index + 1))
    expect((await verifyDirectory(directory, { unsigned: true })).verdict).toBe(0)
  })

  it('that meets a full disk loses nothing, and goes on when there is room', async () => {
    const { harness, disk } = start({ rotate: { age_ms: 0, size_bytes: 4_096 } })
    // The closing record and its seal still fit, the first record of the next file does not.
    for (const bytes of [0, 300, 600, 700, 900]) {
      disk.faults.add('full')
      disk.allowance = 3_900 + bytes
      harness.append(1, 40, 'y'.repeat(100))
      harness.pass(500)
      disk.faults.clear()
      harness.pass(10_000, 100)
    }
    harness.close()
    const stored = (await storedLines(directory)).map(({ text }) => text)
    expect(findFaults([...stored, ...divertedLines(server_log)])).toEqual([])
    const { findings } = await verifyDirectory(directory, { unsigned: true, server_log })
    expect(findings.filter((finding) => finding.startsWith('altered'))).toEqual([])
    expect(findings.join()).not.toContain('missing')
  })
})

describe('retention', () => {
  it('by age and by size tells what it removed, and verify takes it for expired, not for missing', async () => {
    const rotate = { age_ms: hour_ms, size_bytes: 0 }
    const { harness } = start({ rotate, retain: { age_ms: 3 * hour_ms, size_bytes: 250_000 } })
    harness.pass(6 * hour_ms + 60_000, 60_000)
    const by_age = await expired()
    expect(by_age.map(([, reason]) => reason)).toContain('age')
    harness.append(1, 100, 'z'.repeat(2_000))
    harness.pass(hour_ms, 60_000)
    harness.close()
    expect((await expired()).map(([, reason]) => reason)).toContain('size')
    const names = fileNames(directory)
    expect(names.length).toBeLessThan(6)
    for (const [file] of await expired()) expect(names).not.toContain(file)
    expect((await verifyDirectory(directory, { unsigned: true })).verdict).toBe(0)
    const [, second = ''] = names
    fs.rmSync(join(directory, second))
    const { verdict, findings } = await verifyDirectory(directory, { unsigned: true })
    expect(verdict).toBe(1)
    expect(findings.join('\n')).toContain(`altered: ${second}: the file is missing`)
  })

  it('of a file that cannot be removed says so, goes on, and removes it when it can', async () => {
    const rotate = { age_ms: hour_ms, size_bytes: 0 }
    const { harness, disk } = start({ rotate, retain: { files: 2 } })
    disk.faults.add('no_removals')
    harness.append(1, 10)
    harness.pass(4 * hour_ms + 60_000, 60_000)
    expect(harness.messages).toContainEqual(
      expect.objectContaining({ message: 'expired audit files could not be removed' }),
    )
    expect(harness.control.mode).toBe('file')
    expect(fileNames(directory)).toHaveLength(5)
    expect((await verifyDirectory(directory, { unsigned: true, later_ms: 0 })).verdict).not.toBe(1)
    disk.faults.clear()
    harness.pass(2 * hour_ms, 60_000)
    harness.close()
    expect(fileNames(directory)).toHaveLength(2)
    expect((await verifyDirectory(directory, { unsigned: true })).verdict).toBe(0)
  })
})

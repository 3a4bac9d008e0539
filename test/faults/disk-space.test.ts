import fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { limits } from '../../src/lib/limits.js'
import { detail_schemas } from '../../src/record/detail.js'
import { markOf } from '../../src/trail/disk-space.js'
import { mountTmpfs, type ScratchFileSystem, tmpfs_works } from '../support/file-systems.js'
import { verifyDirectory } from '../trail/tampering/sealed-trail.js'
import {
  divertedLines,
  fileNames,
  findFaults,
  removeDirectory,
  scratchDirectory,
  storedLines,
  trailOptions,
  WriterHarness,
} from '../trail/trail-fixture.js'

describe('a water mark', () => {
  it('counts from its percentage on, and is left only well below it', () => {
    let mark = 0
    const marks = [10, 74.9, 75, 74.9, 72.1, 72, 75, 89.9, 90, 88, 97.9, 98, 95.1, 95, 87, 50]
    const counted = marks.map((used_percent) => {
      mark = markOf(used_percent, mark)
      return mark
    })
    expect(counted).toEqual([0, 0, 75, 75, 75, 0, 75, 75, 90, 90, 90, 98, 98, 90, 75, 0])
  })
})

describe.skipIf(!tmpfs_works)('a small file system (skips where tmpfs cannot be mounted)', () => {
  const size_bytes = 4 * 1024 * 1024
  let disk: ScratchFileSystem
  let directory: string
  let scratch: string
  let server_log: string
  let harness: WriterHarness

  beforeEach(() => {
    disk = mountTmpfs('4m')
    directory = join(disk.path, 'audit')
    fs.mkdirSync(directory)
    scratch = scratchDirectory()
    server_log = join(scratch, 'server.log')
    const options = trailOptions(directory, { server_log: { path: server_log } })
    harness = new WriterHarness(options).start()
  })

  afterEach(() => {
    disk.unmount()
    removeDirectory(scratch)
  })

  /** Fills or empties the file system to this percentage, but for a few pages. */
  function fillTo(percent: number): void {
    const filler = join(disk.path, 'percent')
    fs.rmSync(filler, { force: true })
    const { blocks, bfree, bsize } = fs.statfsSync(disk.path)
    const wanted = Math.floor((size_bytes * percent) / 100) - (blocks - bfree) * bsize
    fs.writeFileSync(filler, Buffer.alloc(wanted))
  }

  function notices(): string[] {
    return harness.messages.flatMap((message) => {
      if (message.kind !== 'log' || !('code' in message.object)) return []
      return message.object.code === 'trail.disk_space' ? [message.level] : []
    })
  }

  it('leaves a record, a line of the server log and a figure at each mark, and does not flap', async () => {
    const steps = [50, 76, 74, 76, 91, 89, 99, 96, 60]
    const marks: number[] = []
    for (const percent of steps) {
      fillTo(percent)
      harness.pass(2_000, 100)
      marks.push(harness.control.counter('disk_mark'))
      expect(Math.abs(harness.control.counter('disk_percent') - percent)).toBeLessThanOrEqual(1)
    }
    harness.close()
    expect(marks).toEqual([0, 75, 75, 75, 90, 90, 98, 98, 0])
    expect(notices()).toEqual(['warn', 'error', 'error', 'info'])
    const told = (await storedLines(directory)).flatMap(({ record }) =>
      record.command === 'audit.disk' ? [record.detail] : [],
    )
    expect(told.map((detail) => detail?.['mark'])).toEqual([75, 90, 98, 0])
    for (const detail of told) detail_schemas['audit.disk'].parse(detail)
  })

  it('that is full has room for the record that says so, in the file as in the server log', async () => {
    expect(fs.statSync(join(directory, '.reserve')).size).toBe(limits.reserve_bytes)
    harness.append(1, 10)
    harness.flush()
    disk.fill()
    harness.append(11, 200, 'p'.repeat(300))
    harness.pass(200)
    expect(harness.control.mode).toBe('fallback')
    expect(fs.existsSync(join(directory, '.reserve'))).toBe(false)
    const [first = ''] = fileNames(directory)
    const lines = fs.readFileSync(join(directory, first), 'utf8').trimEnd().split('\n')
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ command: 'audit.seal' })
    expect(JSON.parse(lines.at(-2) ?? '')).toMatchObject({
      command: 'audit.fallback',
      detail: { errno: 'ENOSPC', file: first },
    })
    expect(divertedLines(server_log)[0]).toBe(lines.at(-2))

    // Room for a file alone is not enough: the reserve comes first.
    disk.empty()
    fs.writeFileSync(join(disk.path, 'percent'), Buffer.alloc(freeBytes() - 20_000))
    harness.pass(12_000, 100)
    expect(harness.control.mode).toBe('fallback')
    expect(fileNames(directory)).toHaveLength(1)
    fs.rmSync(join(disk.path, 'percent'))
    harness.pass(6_000, 100)
    expect(harness.control.mode).toBe('file')
    expect(fs.statSync(join(directory, '.reserve')).size).toBe(limits.reserve_bytes)
    harness.append(201, 210)
    harness.close()
    const stored = await storedLines(directory)
    const texts = [...stored.map(({ text }) => text), ...divertedLines(server_log)]
    expect(findFaults(texts)).toEqual([])
    expect(new Set(texts.flatMap((text) => JSON.parse(text).n ?? [])).size).toBe(210)
    expect(stored.find(({ record }) => record.command === 'audit.resume')).toBeDefined()
    const told = await verifyDirectory(directory, { unsigned: true, server_log })
    expect(told.findings.filter((finding) => !finding.startsWith('note:'))).toEqual([])
  })

  function freeBytes(): number {
    const { bavail, bsize } = fs.statfsSync(disk.path)
    return bavail * bsize
  }
})

import fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FileTrail, openTrail } from '../../src/trail/file-trail.js'
import type { TrailLog } from '../../src/trail/trail-options.js'
import {
  body,
  divertedLines,
  fileNames,
  findFaults,
  removeDirectory,
  scratchDirectory,
  storedLines,
  trailOptions,
} from './trail-fixture.js'

let directory: string
let trail: FileTrail | undefined
let logged: string[]

const log: TrailLog = {
  info: (_object, message) => logged.push(message),
  warn: (_object, message) => logged.push(message),
  error: (_object, message) => logged.push(message),
}

beforeEach(() => {
  directory = scratchDirectory()
  logged = []
})

afterEach(async () => {
  await trail?.close('test over')
  trail = undefined
  removeDirectory(directory)
  removeDirectory(`${directory}.server.log`)
})

/** Appends records as sessions do: pausing while the queue is full. */
async function appendAll(to: FileTrail, first: number, last: number, padding = ''): Promise<void> {
  for (let n = first; n <= last; n++) {
    while (!to.append(body(n, padding))) {
      await new Promise<void>((resolve) => to.when_writable(resolve))
    }
    if (n % 1_000 === 0) await new Promise(setImmediate)
  }
}

function count(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1)
}

describe('opening', () => {
  it('resolves when audit.start is on disk', async () => {
    trail = await openTrail(trailOptions(directory), log)
    const lines = await storedLines(directory)
    expect(lines.map(({ record }) => record.command)).toEqual(['audit.start'])
    expect(trail.state).toMatchObject({ mode: 'file', current_file: fileNames(directory)[0] })
  })

  it('makes the directory with its mode whatever the umask', async () => {
    const below = join(directory, 'a', 'b')
    const before = process.umask(0o777)
    try {
      fs.mkdirSync(join(directory, 'a'))
      fs.chmodSync(join(directory, 'a'), 0o700)
      trail = await openTrail(trailOptions(below, { directory_mode: 0o750 }), log)
    } finally {
      process.umask(before)
    }
    expect(fs.statSync(below).mode & 0o7777).toBe(0o750)
    await trail.close('test over')
  })

  it('reports a directory that others may write to, in the log and in the trail', async () => {
    fs.chmodSync(directory, 0o770)
    trail = await openTrail(trailOptions(directory), log)
    expect(logged.join()).toContain('mode 0770')
    expect((await storedLines(directory))[0]?.record.detail?.['warning']).toContain('mode 0770')
  })

  it('refuses a directory that another instance writes to', async () => {
    trail = await openTrail(trailOptions(directory), log)
    await expect(openTrail(trailOptions(directory), log)).rejects.toMatchObject({
      code: 'trail.locked',
    })
    expect(fileNames(directory)).toHaveLength(1)
  })

  it('refuses what is no directory', async () => {
    const file = join(directory, 'file')
    fs.writeFileSync(file, '')
    await expect(openTrail(trailOptions(file), log)).rejects.toMatchObject({
      code: 'trail.directory',
    })
    fs.mkdirSync(join(directory, 'trail.id'))
    await expect(openTrail(trailOptions(directory), log)).rejects.toMatchObject({
      code: 'trail.directory',
    })
  })
})

describe('appending', () => {
  it('brings every record to disk once and in order, over many files and a queue that fills', async () => {
    const options = trailOptions(directory, {
      rotate: { age_ms: 0, size_bytes: 2_000_000 },
      queue_bytes: 256 * 1024,
    })
    trail = await openTrail(options, log)
    await appendAll(trail, 1, 40_000, 'p'.repeat(200))
    await trail.flush()
    expect(trail.state).toMatchObject({
      appended_records: 40_000,
      acknowledged_records: 40_000,
      queued_bytes: 0,
    })
    const lines = await storedLines(directory)
    expect(lines.map(({ record }) => record.seq)).toEqual(count(lines.length))
    expect(lines.flatMap(({ record }) => record.n ?? [])).toEqual(count(40_000))
    expect(fileNames(directory).length).toBeGreaterThan(4)
  })

  it('writes within the interval without being asked', async () => {
    trail = await openTrail(trailOptions(directory), log)
    trail.append(body(1))
    const lines = async () => (await storedLines(directory)).length
    await expect.poll(lines, { timeout: 10_000 }).toBe(2)
    await expect.poll(() => trail?.state.acknowledged_records, { timeout: 10_000 }).toBe(1)
  })

  it('keeps texts of every kind as they are', async () => {
    trail = await openTrail(trailOptions(directory), log)
    const texts = ['', 'é', '日本', '😀', 'x'.repeat(200_000), 'é'.repeat(80_000)]
    for (const text of texts) expect(trail.append(body(1, text))).toBe(true)
    await trail.flush()
    const stored = (await storedLines(directory))
      .slice(1)
      .map(({ text }) => JSON.parse(text).padding)
    expect(stored).toEqual(texts)
  })

  it('puts an AUDIT record of the main thread in its place', async () => {
    trail = await openTrail(trailOptions(directory), log)
    trail.append(body(1))
    trail.append_record({ time_us: 0, class: 'AUDIT', command: 'audit.config', detail: {} })
    trail.append(body(2))
    await trail.flush()
    const records = (await storedLines(directory)).map(({ record }) => record.n ?? record.command)
    expect(records).toEqual(['audit.start', 1, 'audit.config', 2])
  })

  it('writes CSV records whole', async () => {
    trail = await openTrail(trailOptions(directory, { format: 'csv' }), log)
    trail.append('AUDIT: SESSION,"one\ntwo"')
    trail.append('AUDIT: SESSION,three\nAUDIT: OBJECT,four\n')
    await trail.close('test over')
    const text = fs.readFileSync(join(directory, fileNames(directory)[0] ?? ''), 'utf8')
    const records = 'AUDIT: SESSION,"one\ntwo"\nAUDIT: SESSION,three\nAUDIT: OBJECT,four\n'
    expect(text).toContain(`\n${records}AUDIT: SESSION,`)
    expect(text.endsWith('\n') && !text.includes('\n\n')).toBe(true)
  })
})

describe('a writer that is killed', () => {
  it('loses nothing: its successor goes on where it stood', async () => {
    const options = trailOptions(directory, { rotate: { age_ms: 0, size_bytes: 1_000_000 } })
    trail = await openTrail(options, log)
    const open = trail
    const work = appendAll(open, 1, 30_000, 'p'.repeat(100))
    for (let kill = 0; kill < 3; kill++) {
      const before = fileNames(directory).length
      await expect
        .poll(() => fileNames(directory).length, { timeout: 20_000 })
        .toBeGreaterThan(before)
      await open.killWriter()
    }
    await work
    await open.close('test over')
    const lines = await storedLines(directory)
    expect(findFaults(lines.map(({ text }) => text))).toEqual([])
    expect(new Set(lines.flatMap(({ record }) => record.n ?? [])).size).toBe(30_000)
    expect(new Set(lines.map(({ record }) => record.epoch))).toEqual(new Set([1]))
    expect(
      lines.filter(({ record }) => record.command === 'audit.recovered').length,
    ).toBeGreaterThan(0)
    expect(
      fs.existsSync(`${directory}.server.log`) ? divertedLines(`${directory}.server.log`) : [],
    ).toEqual([])
  })

  it('while closing is followed by one that closes', async () => {
    trail = await openTrail(trailOptions(directory), log)
    await appendAll(trail, 1, 1_000)
    const closed = trail.close('test over')
    await trail.killWriter()
    await closed
    const lines = await storedLines(directory)
    expect(lines.flatMap(({ record }) => record.n ?? []).length).toBeGreaterThanOrEqual(1_000)
    expect(lines.filter(({ record }) => record.command === 'audit.stop').length).toBeGreaterThan(0)
    expect(findFaults(lines.map(({ text }) => text))).toEqual([])
  })
})

describe('a directory that is made anew', () => {
  it('is locked again before anyone else can take it', async () => {
    trail = await openTrail(trailOptions(directory), log)
    const open = trail
    trail.append(body(1))
    await trail.flush()
    removeDirectory(directory)
    trail.append(body(2))
    await trail.flush()
    expect(trail.state.mode).toBe('fallback')
    fs.mkdirSync(directory)
    await expect.poll(() => open.state.mode, { timeout: 20_000 }).toBe('file')
    await expect.poll(() => fs.readdirSync(directory), { timeout: 20_000 }).toContain('.lock.sock')
    await expect(openTrail(trailOptions(directory), log)).rejects.toMatchObject({
      code: 'trail.locked',
    })
  })
})

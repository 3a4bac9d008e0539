import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { detail_schemas } from '../../src/record/detail.js'
import type { Disk } from '../../src/trail/disk.js'
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

let directory: string
let server_log: string

beforeEach(() => {
  directory = scratchDirectory()
  server_log = `${directory}.log`
})

afterEach(() => {
  removeDirectory(directory)
  removeDirectory(server_log)
})

/** The real system calls, some of which fail on the descriptors of audit files when asked to. */
class FaultyDisk {
  readonly calls: Disk
  write_error: string | undefined
  sync_error: string | undefined
  log_error: string | undefined
  /** Bytes that still get through before `write_error` strikes. */
  allowance = 0
  readonly #audit = new Set<number>()
  readonly #log = new Set<number>()

  constructor() {
    this.calls = {
      ...fs,
      openSync: (path, flags, mode) => {
        const fd = fs.openSync(path, flags, mode)
        if (String(path).includes('/audit-')) this.#audit.add(fd)
        if (path === server_log) this.#log.add(fd)
        return fd
      },
      closeSync: (fd) => {
        this.#audit.delete(fd)
        this.#log.delete(fd)
        fs.closeSync(fd)
      },
      writeSync: (fd: number, bytes: Uint8Array, from: number, length: number) => {
        this.#check(fd, this.#log, this.log_error)
        if (!this.#audit.has(fd) || this.write_error === undefined) {
          return fs.writeSync(fd, bytes, from, length)
        }
        const count = Math.min(length, this.allowance)
        if (count === 0) this.#check(fd, this.#audit, this.write_error)
        this.allowance -= count
        return fs.writeSync(fd, bytes, from, count)
      },
      fsyncSync: (fd) => {
        this.#check(fd, this.#audit, this.sync_error)
        fs.fsyncSync(fd)
      },
    }
  }

  #check(fd: number, kind: Set<number>, code: string | undefined): void {
    if (code !== undefined && kind.has(fd))
      throw Object.assign(new Error(`${code}: test`), { code })
  }
}

function harnessWith(disk: FaultyDisk): WriterHarness {
  const options = trailOptions(directory, { server_log: { path: server_log } })
  return new WriterHarness(options, { disk: disk.calls }).start()
}

async function everything(): Promise<string[]> {
  const stored = (await storedLines(directory)).map(({ text }) => text)
  return [...stored, ...(fs.existsSync(server_log) ? divertedLines(server_log) : [])]
}

describe('an error while writing', () => {
  const full = ['ENOSPC', 'EDQUOT']
  it.each(full)('diverts from the first record that is not safe: %s', async (errno) => {
    const disk = new FaultyDisk()
    const harness = harnessWith(disk)
    harness.append(1, 100)
    harness.pass(30)
    disk.write_error = errno
    disk.allowance = 1_000
    harness.append(101, 200)
    harness.pass(50)
    expect(harness.control.mode).toBe('fallback')
    const first = fs.readFileSync(join(directory, fileNames(directory)[0] ?? ''), 'utf8')
    expect(first.endsWith('}\n')).toBe(true)
    const diverted = divertedLines(server_log)
    expect(JSON.parse(diverted[0] ?? '')).toMatchObject({
      command: 'audit.fallback',
      detail: { errno },
    })
    // What got through whole is synced and not repeated.
    const head = { command: 'audit.fallback' }
    const told = first.split('\n').filter((line) => line.includes(head.command))
    expect(first.split('\n').length - 1 + diverted.length).toBe(1 + 200 + 1 + told.length)
    expect(harness.control.counter('acknowledged')).toBe(200)

    harness.append(201, 250)
    harness.pass(50)
    expect(harness.control.counter('acknowledged')).toBe(250)
    expect(fileNames(directory)).toHaveLength(1)
    disk.write_error = undefined
    harness.pass(6_000, 100)
    expect(harness.control.mode).toBe('file')
    harness.append(251, 300)
    harness.close()
    expect(findFaults(await everything())).toEqual([])
  })

  it('is over with a record that names what was diverted', async () => {
    const disk = new FaultyDisk()
    const harness = harnessWith(disk)
    disk.write_error = 'EIO'
    harness.append(1, 50)
    harness.pass(100)
    disk.write_error = undefined
    harness.pass(6_000, 100)
    harness.close()
    const diverted = divertedLines(server_log)
    const numbers = diverted.map((text) => JSON.parse(text).seq as number)
    const resume = (await storedLines(directory)).find(
      ({ record }) => record.command === 'audit.resume',
    )
    expect(detail_schemas['audit.resume'].safeParse(resume?.record.detail).success).toBe(true)
    const fallback = JSON.parse(diverted[0] ?? '').detail
    expect(detail_schemas['audit.fallback'].safeParse(fallback).success).toBe(true)
    const hash = createHash('sha256').update(diverted.map((text) => `${text}\n`).join(''))
    expect(resume?.record.detail).toMatchObject({
      from_seq: Math.min(...numbers),
      to_seq: Math.max(...numbers),
      records: diverted.length,
      sha256: hash.digest('hex'),
      previous: { file: fileNames(directory)[0] },
    })
  })

  it('of a file that lasted is answered by a new file at once', async () => {
    const disk = new FaultyDisk()
    const harness = harnessWith(disk)
    harness.append(1, 10)
    harness.pass(10_000, 100)
    disk.write_error = 'EIO'
    disk.allowance = 100
    harness.append(11, 20)
    // The new file's first record finds the device well again.
    disk.calls.ftruncateSync = (fd, length) => {
      disk.write_error = undefined
      fs.ftruncateSync(fd, length)
    }
    harness.pass(100)
    expect(harness.control.mode).toBe('file')
    expect(fs.existsSync(server_log)).toBe(false)
    harness.close()
    const lines = await storedLines(directory)
    expect(findFaults(lines.map(({ text }) => text))).toEqual([])
    const recovered = lines.find(({ record }) => record.command === 'audit.recovered')
    expect(recovered?.record.detail).toMatchObject({
      errno: 'EIO',
      previous: { file: fileNames(directory)[0] },
    })
  })
})

describe('an error while syncing', () => {
  it('sends every unacknowledged record to a new file, byte for byte', async () => {
    const disk = new FaultyDisk()
    const harness = harnessWith(disk)
    harness.pass(9_000, 100)
    harness.append(1, 20)
    harness.pass(20)
    let failures = 0
    const real = disk.calls.fsyncSync
    disk.calls.fsyncSync = (fd) => {
      if (failures++ === 0) throw Object.assign(new Error('EIO: test'), { code: 'EIO' })
      real(fd)
    }
    harness.pass(200)
    expect(harness.control.counter('acknowledged')).toBe(20)
    harness.append(21, 30)
    harness.close()
    const [first = '', second = ''] = fileNames(directory)
    const lines = await storedLines(directory)
    expect(findFaults(lines.map(({ text }) => text))).toEqual([])
    const repeated = lines.filter(({ file, record }) => file === second && (record.n ?? 99) <= 20)
    expect(repeated).toHaveLength(20)
    expect(lines.filter(({ file }) => file === first)).toHaveLength(21)
    expect(lines.find(({ file }) => file === second)?.record.command).toBe('audit.recovered')
  })
})

describe('when the server log fails too', () => {
  it('keeps everything in the queue, refuses more when that is full, and loses nothing', async () => {
    const disk = new FaultyDisk()
    const harness = harnessWith(disk)
    disk.write_error = 'EIO'
    disk.log_error = 'EIO'
    harness.append(1, 5)
    harness.pass(100)
    expect(harness.control.mode).toBe('failed')
    let appended = 5
    while (harness.queue.append(`"instance":"test","n":${appended + 1}}`)) appended++
    harness.pass(1_000)
    expect(harness.control.counter('acknowledged')).toBe(0)
    disk.log_error = undefined
    harness.pass(6_000)
    expect(harness.control.mode).toBe('fallback')
    expect(harness.control.counter('acknowledged')).toBe(appended)
    disk.write_error = undefined
    harness.pass(6_000)
    expect(harness.control.mode).toBe('file')
    harness.close()
    const texts = await everything()
    expect(findFaults(texts)).toEqual([])
    expect(new Set(texts.flatMap((text) => JSON.parse(text).n ?? [])).size).toBe(appended)
  })

  it('says at the end what could be written nowhere', () => {
    const disk = new FaultyDisk()
    const harness = harnessWith(disk)
    disk.write_error = 'EIO'
    disk.log_error = 'EIO'
    harness.append(1, 5)
    harness.close()
    const closed = harness.messages.at(-1)
    expect(closed?.kind === 'closed' && closed.unwritten_bytes > 0).toBe(true)
  })
})

describe('a writer that dies', () => {
  it('is followed by one that repeats what was not safe, with the same numbers', async () => {
    const disk = new FaultyDisk()
    const harness = harnessWith(disk)
    harness.append(1, 10)
    harness.flush()
    harness.append(11, 20)
    // Written, numbered, not synced.
    harness.pass(20)
    harness.append(21, 30)
    harness.replaceWriter()
    harness.append(31, 40)
    harness.close()
    const lines = await storedLines(directory)
    expect(findFaults(lines.map(({ text }) => text))).toEqual([])
    expect(new Set(lines.flatMap(({ record }) => record.n ?? [])).size).toBe(40)
    expect(harness.control.counter('acknowledged')).toBe(40)
    const second = lines.filter(({ file }) => file === harness.currentFile)
    expect(second[0]?.record).toMatchObject({ command: 'audit.recovered', epoch: 1 })
  })

  it('during a diversion leaves its range to the successor', async () => {
    const disk = new FaultyDisk()
    const harness = harnessWith(disk)
    disk.write_error = 'EIO'
    harness.append(1, 10)
    harness.pass(50)
    disk.write_error = undefined
    harness.replaceWriter()
    harness.close()
    const recovered = (await storedLines(directory)).find(
      ({ record }) => record.command === 'audit.recovered',
    )
    expect(recovered?.record.detail?.['unfinished_fallback']).toEqual({
      from_seq: 2,
      to_seq: 12,
      records: 11,
    })
    expect(findFaults(await everything())).toEqual([])
  })
})

describe('a file taken away', () => {
  it('is noticed before its records are called safe', async () => {
    const harness = harnessWith(new FaultyDisk())
    harness.pass(10_000, 100)
    harness.append(1, 10)
    fs.renameSync(join(directory, harness.currentFile), join(directory, 'taken'))
    harness.pass(200)
    harness.close()
    const lines = await storedLines(directory)
    expect(lines.flatMap(({ record }) => record.n ?? [])).toHaveLength(10)
    expect(lines[0]?.record.command).toBe('audit.recovered')
  })

  it('with its whole directory, a file in whose place, diverts until a directory is back', async () => {
    const harness = harnessWith(new FaultyDisk())
    harness.append(1, 10)
    harness.flush()
    fs.rmSync(directory, { recursive: true })
    fs.writeFileSync(directory, '')
    harness.append(11, 20)
    harness.pass(500)
    expect(harness.control.mode).toBe('fallback')
    const diverted = divertedLines(server_log).map((text) => JSON.parse(text))
    expect(diverted.flatMap(({ n }) => n ?? [])).toHaveLength(10)
    fs.rmSync(directory)
    fs.mkdirSync(directory)
    harness.pass(6_000, 100)
    expect(harness.control.mode).toBe('file')
    harness.append(21, 30)
    harness.close()
    expect(fs.existsSync(join(directory, 'trail.id'))).toBe(true)
    const numbers = (await everything()).map((text) => JSON.parse(text).seq as number)
    // The ten records that were safe went with the directory; none after them is missing.
    expect([...new Set(numbers)].sort((a, b) => a - b)[0]).toBe(12)
    expect(Math.max(...numbers) - 11).toBe(new Set(numbers).size)
  })

  it('with its whole directory is followed by one in a directory made anew, with its mode', async () => {
    const options = trailOptions(directory, {
      directory_mode: 0o2750,
      server_log: { path: server_log },
    })
    const harness = new WriterHarness(options).start()
    harness.append(1, 10)
    harness.flush()
    fs.rmSync(directory, { recursive: true })
    harness.append(11, 20)
    harness.pass(6_000, 100)
    expect(harness.control.mode).toBe('file')
    expect(fs.statSync(directory).mode & 0o7777).toBe(0o2750)
    harness.append(21, 30)
    harness.close()
    const texts = await everything()
    const numbers = texts.flatMap((text) => JSON.parse(text).n ?? [])
    expect(new Set(numbers)).toEqual(new Set(Array.from({ length: 20 }, (_, index) => index + 11)))
    const lines = await storedLines(directory)
    expect(lines.some(({ record }) => record.command === 'audit.resume')).toBe(true)
  })
})

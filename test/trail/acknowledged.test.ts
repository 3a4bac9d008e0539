import fs from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Disk } from '../../src/trail/disk.js'
import { type FileTrail, openTrail } from '../../src/trail/file-trail.js'
import type { TrailOptions } from '../../src/trail/trail-options.js'
import {
  body,
  divertedLines,
  removeDirectory,
  scratchDirectory,
  trailOptions,
  WriterHarness,
} from './trail-fixture.js'

let directory: string
let server_log: string

beforeEach(() => {
  directory = scratchDirectory()
  server_log = `${directory}.server.log`
})

afterEach(() => {
  removeDirectory(directory)
  removeDirectory(server_log)
})

type Failing = 'nothing' | 'file write' | 'file sync' | 'log write' | 'log sync'

/**
 * The real system calls, with a book of what a power failure would leave: only what was there at
 * the last successful fsync. After a failed one the system may have thrown the bytes away, and may
 * say of the next one that all is well: whoever asks the same descriptor again is told so, and
 * noted.
 */
class PowerlessDisk {
  readonly calls: Disk
  failing: ReadonlySet<Failing> = new Set()
  /** Descriptors that were asked to sync after they had failed to. */
  asked_again = 0
  syncs = 0
  readonly #files = new Map<number, { path: string; written: string; lost: boolean }>()
  readonly #durable = new Map<string, string>()

  constructor() {
    this.calls = {
      ...fs,
      openSync: (path, flags, mode) => {
        const fd = fs.openSync(path, flags, mode)
        const name = String(path)
        if (name.includes('/audit-') || name === server_log) {
          const written = this.#durable.get(name) ?? ''
          this.#files.set(fd, { path: name, written, lost: false })
        }
        return fd
      },
      closeSync: (fd) => {
        this.#files.delete(fd)
        fs.closeSync(fd)
      },
      writeSync: (fd: number, bytes: Uint8Array, from: number, length: number) => {
        const file = this.#files.get(fd)
        if (file !== undefined) this.#check(file.path, 'write')
        const count = fs.writeSync(fd, bytes, from, length)
        if (file !== undefined)
          file.written += Buffer.from(bytes).toString('utf8', from, from + count)
        return count
      },
      fsyncSync: (fd) => {
        const file = this.#files.get(fd)
        if (file === undefined) {
          fs.fsyncSync(fd)
          return
        }
        this.syncs++
        if (file.lost) {
          this.asked_again++
          return
        }
        try {
          this.#check(file.path, 'sync')
        } catch (error) {
          file.lost = true
          throw error
        }
        this.#durable.set(file.path, file.written)
      },
    }
  }

  /** All that a power failure would leave now. */
  get durable(): string {
    return [...this.#durable.values()].join('')
  }

  #check(path: string, call: 'write' | 'sync'): void {
    const failing: Failing = path === server_log ? `log ${call}` : `file ${call}`
    if (this.failing.has(failing)) throw Object.assign(new Error('EIO: test'), { code: 'EIO' })
  }
}

function ackOptions(changes: Partial<TrailOptions> = {}): TrailOptions {
  return trailOptions(directory, {
    durability: 'ack',
    server_log: { path: server_log },
    ...changes,
  })
}

function started(disk?: PowerlessDisk): WriterHarness {
  const faults = disk === undefined ? {} : { disk: disk.calls }
  return new WriterHarness(ackOptions(), faults).start()
}

describe('a writer whose records are waited for', () => {
  it('writes and syncs what waits in the next step, all of it with one fsync', () => {
    const disk = new PowerlessDisk()
    const harness = started(disk)
    const before = disk.syncs
    harness.append(1, 50)
    harness.writer.step()
    expect(harness.control.counter('acknowledged')).toBe(50)
    expect(disk.syncs).toBe(before + 1)
    expect(disk.durable).toContain('"n":50,')
    // Without anything new there is nothing to sync, and nothing to wait for but a record.
    harness.writer.step()
    expect(disk.syncs).toBe(before + 1)
    expect(harness.writer.plan()).toMatchObject({ rest: 'idle', wake_bytes: 1 })
  })

  it('tells of each group once', () => {
    const harness = started()
    const told = () => harness.messages.filter(({ kind }) => kind === 'acknowledged').length
    harness.control.listening = true
    const before = told()
    harness.append(1, 50)
    harness.writer.step()
    expect(told()).toBe(before + 1)
  })

  it('acknowledges only what a power failure would leave, whatever fails', () => {
    const failing = fc.subarray<Failing>(['file write', 'file sync', 'log write', 'log sync'])
    const step = fc.record({ records: fc.nat(20), failing, wait_ms: fc.constantFrom(0, 10, 6_000) })
    const steps = fc.array(step, { minLength: 1, maxLength: 12 })
    const property = fc.property(steps, (plan) => {
      const disk = new PowerlessDisk()
      const harness = started(disk)
      let appended = 0
      for (const { records, failing: faults, wait_ms } of [
        ...plan,
        { records: 1, failing: [], wait_ms: 60_000 },
      ]) {
        disk.failing = new Set(faults)
        harness.append(appended + 1, appended + records)
        appended += records
        harness.writer.step()
        harness.pass(wait_ms, 1_000)
        const durable = disk.durable
        const acknowledged = harness.control.counter('acknowledged')
        for (let n = 1; n <= acknowledged; n++) expect(durable).toContain(`"n":${n},`)
      }
      // Once nothing fails any more, all that was appended is safe.
      expect(harness.control.counter('acknowledged')).toBe(appended)
      expect(disk.asked_again).toBe(0)
      harness.close()
      removeDirectory(directory)
      removeDirectory(server_log)
      fs.mkdirSync(directory)
    })
    fc.assert(property, { numRuns: 60 })
  })
})

describe('the server log, where records are waited for', () => {
  it('takes them as a file, and syncs it', () => {
    const disk = new PowerlessDisk()
    const harness = started(disk)
    disk.failing = new Set<Failing>(['file write'])
    harness.append(1, 10)
    harness.writer.step()
    harness.writer.step()
    expect(harness.control.mode).toBe('fallback')
    expect(harness.control.counter('acknowledged')).toBe(10)
    expect(divertedLines(server_log)).toHaveLength(11)
    expect(disk.durable).toContain('"n":10,')
  })

  it('is none when it is a pipe: what that takes is not safe', () => {
    const options = ackOptions({ server_log: { fd: 2 } })
    const disk = new PowerlessDisk()
    const pipe_stat = fs.fstatSync(2)
    // The runner's own standard error may be a file.
    disk.calls.fstatSync = ((fd: number) =>
      fd === 2
        ? Object.assign(pipe_stat, { isFile: () => false })
        : fs.fstatSync(fd)) as Disk['fstatSync']
    const harness = new WriterHarness(options, { disk: disk.calls }).start()
    disk.failing = new Set<Failing>(['file write'])
    harness.append(1, 10)
    harness.pass(100)
    expect(harness.control.mode).toBe('failed')
    expect(harness.control.counter('acknowledged')).toBe(0)
    const logged = harness.messages.flatMap((message) => (message.kind === 'log' ? [message] : []))
    expect(JSON.stringify(logged)).toContain('the server log is no file')
    disk.failing = new Set()
    harness.pass(6_000, 100)
    expect(harness.control.counter('acknowledged')).toBe(10)
  })

  it('is not asked again through a descriptor that has failed to sync', () => {
    const path = join(directory, '..', `${directory.split('/').at(-1)}.inherited`)
    const fd = fs.openSync(path, 'a')
    try {
      const disk = new PowerlessDisk()
      let syncs = 0
      const { fsyncSync } = disk.calls
      disk.calls.fsyncSync = (asked) => {
        if (asked !== fd) return fsyncSync(asked)
        syncs++
        throw Object.assign(new Error('EIO: test'), { code: 'EIO' })
      }
      const options = ackOptions({ server_log: { fd } })
      const harness = new WriterHarness(options, { disk: disk.calls }).start()
      disk.failing = new Set<Failing>(['file write'])
      harness.append(1, 10)
      harness.pass(20_000, 100)
      expect(harness.control.mode).toBe('failed')
      expect(syncs).toBe(1)
      expect(harness.control.counter('acknowledged')).toBe(0)
    } finally {
      fs.closeSync(fd)
      fs.rmSync(path)
    }
  })
})

describe('the trail before its writer', () => {
  let trail: FileTrail

  const log = { info: () => {}, warn: () => {}, error: () => {} }

  afterEach(() => trail.close('test over'))

  async function safe(position: number): Promise<void> {
    while (trail.acknowledged_position < position) {
      await new Promise<void>((resolve) => {
        trail.when_acknowledged(resolve)
        if (trail.acknowledged_position >= position) resolve()
      })
    }
  }

  it('calls back when records are safe, without a flush', async () => {
    const far_ms = 3_600_000
    const flush = { interval_ms: far_ms, sync_ms: far_ms, size_bytes: 1024 * 1024 }
    trail = await openTrail(ackOptions({ flush }), log)
    for (let n = 1; n <= 200; n++) {
      trail.append(body(n))
      await safe(trail.appended_position)
    }
    expect(trail.state.acknowledged_records).toBe(200)
    const file = fs.readFileSync(join(directory, trail.state.current_file), 'utf8')
    expect(file).toContain('"n":200,')
  })

  it('and when the writer dies in between', async () => {
    trail = await openTrail(ackOptions(), log)
    for (let n = 1; n <= 100; n++) {
      trail.append(body(n))
      if (n % 25 === 0) await trail.killWriter()
      await safe(trail.appended_position)
    }
    expect(trail.state.acknowledged_records).toBe(100)
  })

  it('lets answers go on where statements are to pass unrecorded', async () => {
    const nowhere = { path: '/dev/null' }
    trail = await openTrail(ackOptions({ on_failure: 'continue', server_log: nowhere }), log)
    fs.renameSync(directory, `${directory}.away`)
    trail.append(body(1))
    await safe(trail.appended_position)
    expect(trail.state).toMatchObject({ mode: 'failed', acknowledged_records: 0 })
    // Back where it was, the trail takes what was only in memory.
    fs.renameSync(`${directory}.away`, directory)
    await trail.flush()
    expect(trail.state).toMatchObject({ mode: 'file', acknowledged_records: 1 })
    const file = fs.readFileSync(join(directory, trail.state.current_file), 'utf8')
    expect(file).toContain('"n":1,')
  })
})

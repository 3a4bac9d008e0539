import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { builtFile } from '../../src/lib/built-file.js'
import { type FileTrail, openTrail } from '../../src/trail/file-trail.js'
import {
  freezing_works,
  mountExt4,
  mountTmpfs,
  type ScratchFileSystem,
  tmpfs_works,
} from '../support/file-systems.js'
import { verifyDirectory } from '../trail/tampering/sealed-trail.js'
import {
  body,
  divertedLines,
  fileNames,
  findFaults,
  removeDirectory,
  scratchDirectory,
  storedLines,
  trailOptions,
  WriterHarness,
} from '../trail/trail-fixture.js'

/**
 * Each way of not being able to write, brought about for real, ends the same: records go to the
 * server log, a file takes them again when one can be written, and a record tells of both.
 */

const patience = { timeout: 30_000 }
const errnos: unknown[] = []
const log = {
  info() {},
  warn() {},
  error: (object: object) => void ('errno' in object && errnos.push(object.errno)),
}

let scratch: string
let server_log: string
let trail: FileTrail | undefined
const mounted: ScratchFileSystem[] = []

beforeEach(() => {
  scratch = scratchDirectory()
  server_log = join(scratch, 'server.log')
  errnos.length = 0
})

afterEach(async () => {
  await trail?.close('test over').catch(() => {})
  trail = undefined
  for (const file_system of mounted.splice(0).reverse()) file_system.unmount()
  removeDirectory(scratch)
})

function using(file_system: ScratchFileSystem): ScratchFileSystem {
  mounted.push(file_system)
  return file_system
}

async function opened(directory: string): Promise<FileTrail> {
  trail = await openTrail(trailOptions(directory, { server_log: { path: server_log } }), log)
  return trail
}

async function write(to: FileTrail, first: number, last: number): Promise<void> {
  for (let n = first; n <= last; n++) expect(to.append(body(n))).toBe(true)
  await to.flush()
}

/** The fault is there: records go on, to the log. The fault is gone: they go to a file again. */
async function divertsAndResumes(directory: string, mend: () => unknown): Promise<void> {
  const to = trail
  if (to === undefined) throw new Error('no trail was opened')
  await write(to, 11, 20)
  await expect.poll(() => to.state.mode, patience).toBe('fallback')
  await write(to, 21, 30)
  await mend()
  await expect.poll(() => to.state.mode, patience).toBe('file')
  await write(to, 31, 40)
  await to.close('test over')
  await expectWhole(directory, 40)
}

async function expectWhole(directory: string, records: number): Promise<void> {
  const lines = await storedLines(directory)
  const diverted = divertedLines(server_log)
  const texts = [...lines.map(({ text }) => text), ...diverted]
  expect(findFaults(texts)).toEqual([])
  const numbers = new Set(texts.flatMap((text) => JSON.parse(text).n ?? []))
  expect(numbers.size).toBe(records)
  const resumed = lines.filter(({ record }) => record.command === 'audit.resume')
  const told = resumed.reduce((sum, { record }) => sum + Number(record.detail?.['records']), 0)
  expect(told).toBe(diverted.length)
  if (resumed.length === 1) {
    const hash = createHash('sha256').update(diverted.map((text) => `${text}\n`).join(''))
    expect(resumed[0]?.record.detail?.['sha256']).toBe(hash.digest('hex'))
  }
  const { findings } = await verifyDirectory(directory, { server_log, unsigned: true })
  expect(findings.filter((finding) => /^altered|missing/.test(finding))).toEqual([])
}

describe.skipIf(!tmpfs_works)('a file system (skips without tmpfs)', () => {
  it('that is mounted over the directory, read-only (EROFS)', async () => {
    const directory = join(scratch, 'audit')
    await write(await opened(directory), 1, 10)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', directory])
    await divertsAndResumes(directory, async () => {
      await expect.poll(() => errnos, patience).toContain('EROFS')
      execFileSync('umount', ['-l', directory])
    })
  })

  it('that becomes read-only while records go to the server log', async () => {
    const disk = using(mountTmpfs('1m'))
    const directory = join(disk.path, 'audit')
    await write(await opened(directory), 1, 10)
    disk.fill()
    const padding = 'p'.repeat(1_000)
    for (let n = 0; trail?.state.mode === 'file'; n++) {
      trail.append(`"instance":"test","filling":${n},"padding":"${padding}"}`)
      await trail.flush()
    }
    // No file of ours is open by now, so the system lets it be done.
    disk.remount('ro')
    await divertsAndResumes(directory, () => {
      disk.remount('rw')
      disk.empty()
    })
  })
})

describe.skipIf(!freezing_works)('a file system of its own (skips without ext4 and root)', () => {
  it('whose device has errors (EIO, from a loop device on a full tmpfs)', async () => {
    const backing = using(mountTmpfs('12m'))
    const disk = using(mountExt4(64, backing.path))
    const directory = join(disk.path, 'audit')
    const to = await opened(directory)
    await write(to, 1, 10)
    backing.fill()
    const padding = 'p'.repeat(100_000)
    let filling = 0
    while (to.state.mode === 'file') {
      to.append(`"instance":"test","filling":${filling++},"padding":"${padding}"}`)
      await to.flush()
    }
    await write(to, 11, 20)
    expect(to.state.mode).toBe('fallback')
    const [first = ''] = divertedLines(server_log)
    expect(['EIO', 'EROFS']).toContain(JSON.parse(first).detail.errno)
    await to.close('test over')
    const texts = divertedLines(server_log)
    // What a broken device still shows of the first records is not asked for here.
    const numbers = texts.flatMap((text) => JSON.parse(text).n ?? [])
    expect(new Set(numbers)).toEqual(new Set([11, 12, 13, 14, 15, 16, 17, 18, 19, 20]))
    expect(JSON.parse(texts.at(-1) ?? '').command).toBe('audit.stop')
  })

  it('whose directory may not be changed (EPERM, chattr +i)', async () => {
    const disk = using(mountExt4(16))
    const directory = join(disk.path, 'audit')
    const to = await opened(directory)
    await write(to, 1, 10)
    execFileSync('chattr', ['+i', directory])
    // The open file is still written to; a new one cannot be made.
    await to.killWriter()
    await divertsAndResumes(directory, () => execFileSync('chattr', ['-i', directory]))
  })
})

const is_root = process.getuid?.() === 0

it.skipIf(!is_root)(
  'a directory that may not be written to (EACCES; skips without root)',
  async () => {
    const home = join(scratch, 'home')
    const directory = join(home, 'audit')
    fs.chmodSync(scratch, 0o755)
    fs.mkdirSync(home)
    fs.chownSync(home, 65534, 65534)
    server_log = join(home, 'server.log')
    const options = trailOptions(directory, { server_log: { path: server_log } })
    const program = `
    const { chmodSync } = require('node:fs')
    const nothing = { info() {}, warn() {}, error() {} }
    async function main() {
      const { openTrail } = await import(${JSON.stringify(builtFile('trail/file-trail.js'))})
      const trail = await openTrail(${JSON.stringify(options)}, nothing)
      const write = async (first, last) => {
        for (let n = first; n <= last; n++) trail.append('"instance":"test","n":' + n + '}')
        await trail.flush()
      }
      const until = async (mode) => {
        while (trail.state.mode !== mode) await new Promise((end) => setTimeout(end, 20))
      }
      await write(1, 10)
      chmodSync(${JSON.stringify(directory)}, 0o500)
      await trail.killWriter()
      await write(11, 20)
      await until('fallback')
      await write(21, 30)
      chmodSync(${JSON.stringify(directory)}, 0o700)
      await until('file')
      await write(31, 40)
      await trail.close('test over')
    }
    main()`
    execFileSync(process.execPath, ['-e', program], { uid: 65534, gid: 65534, cwd: '/' })
    expect(JSON.parse(divertedLines(server_log)[0] ?? '').detail.errno).toBe('EACCES')
    await expectWhole(directory, 40)
  },
)

describe('a directory', () => {
  it('that is removed is made again', async () => {
    const directory = join(scratch, 'audit')
    const to = await opened(directory)
    await write(to, 1, 10)
    fs.rmSync(directory, { recursive: true })
    await write(to, 11, 20)
    await expect.poll(() => to.state.mode, patience).toBe('file')
    await expect.poll(() => fs.existsSync(join(directory, '.lock.sock')), patience).toBe(true)
    await expect(opened(directory)).rejects.toMatchObject({ code: 'trail.locked' })
    await to.close('test over')
  })

  it('in whose place stands that of another trail is not written to', async () => {
    const [directory, other] = [join(scratch, 'audit'), join(scratch, 'other')]
    await (await opened(other)).close('test over')
    const others = fileNames(other)
    await write(await opened(directory), 1, 10)
    fs.renameSync(directory, `${directory}.before`)
    fs.renameSync(other, directory)
    const to = trail
    if (to === undefined) throw new Error('no trail was opened')
    await write(to, 11, 20)
    await expect.poll(() => to.state.mode, patience).toBe('fallback')
    await write(to, 21, 30)
    expect(fileNames(directory)).toEqual(others)
    fs.renameSync(directory, other)
    fs.renameSync(`${directory}.before`, directory)
    await expect.poll(() => to.state.mode, patience).toBe('file')
    await write(to, 31, 40)
    await to.close('test over')
    await expectWhole(directory, 40)
  })
})

describe('a wall clock', () => {
  it('that jumps either way changes neither the order nor the number of records', async () => {
    const directory = join(scratch, 'audit')
    fs.mkdirSync(directory)
    const rotate = { age_ms: 86_400_000, size_bytes: 0 }
    const options = trailOptions(directory, { rotate, server_log: { path: server_log } })
    const harness = new WriterHarness(options).start()
    const hour_ms = 3_600_000
    let n = 0
    for (const jump_ms of [0, -30 * hour_ms, 1_000 * hour_ms, -990 * hour_ms, 0]) {
      harness.clock.set(jump_ms)
      harness.append(n + 1, n + 10)
      n += 10
      harness.pass(2_000, 100)
    }
    // After the jump of weeks and back the next midnight still ends a file.
    const before = fileNames(directory).length
    harness.clock.set(24 * hour_ms)
    harness.append(n + 1, n + 10)
    harness.pass(2_000, 100)
    expect(fileNames(directory).length).toBe(before + 1)
    harness.close()
    const lines = await storedLines(directory)
    const seqs = lines.map(({ record }) => record.seq)
    expect(seqs).toEqual(seqs.map((_, index) => index + 1))
    expect(lines.flatMap(({ record }) => record.n ?? [])).toHaveLength(n + 10)
    expect(fs.existsSync(server_log)).toBe(false)
    const { findings } = await verifyDirectory(directory, { unsigned: true })
    expect(findings.filter((finding) => !finding.startsWith('note'))).toEqual([])
  })
})

import { generateKeyPairSync } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openTrail } from '../../src/trail/file-trail.js'
import { verifyTrail } from '../../src/trail/verify-trail.js'
import { mountTmpfs, tmpfs_works } from '../support/file-systems.js'
import { log, verifyDirectory } from './tampering/sealed-trail.js'
import {
  body,
  fileNames,
  removeDirectory,
  scratchDirectory,
  storedLines,
  trailOptions,
  WriterHarness,
} from './trail-fixture.js'

/** How a trail may end, and what the next start and a verification make of it. */

const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const seal = { key: privateKey, every_ms: 10_000, records: 10_000 }
const keys = [publicKey]

let scratch: string
let directory: string
let server_log: string

beforeEach(() => {
  scratch = scratchDirectory()
  directory = join(scratch, 'audit')
  server_log = join(scratch, 'server.log')
})

afterEach(() => removeDirectory(scratch))

describe.skipIf(!tmpfs_works)('on a full file system (skips without tmpfs)', () => {
  it('a torn end waits for room, however often a start is tried', async () => {
    const disk = mountTmpfs('1m')
    try {
      directory = join(disk.path, 'audit')
      fs.mkdirSync(directory)
      const options = trailOptions(directory, { seal, server_log: { path: server_log } })
      const first = new WriterHarness(options).start()
      first.append(1, 30)
      first.flush()
      fs.appendFileSync(join(directory, first.currentFile), `{"v":1,"tra${'x'.repeat(5_000)}`)
      disk.fill()
      for (let attempt = 1; attempt <= 20; attempt++) {
        expect(() => new WriterHarness(options).start()).toThrow('ENOSPC')
      }
      disk.empty()
      new WriterHarness(options).start().close()
      const torn = fs.readdirSync(directory).filter((name) => name.includes('.torn'))
      expect(torn).toEqual([`${first.currentFile}.torn`])
      const told = await verifyDirectory(directory, { keys })
      expect(told.findings.filter((finding) => finding.startsWith('altered'))).toEqual([])
    } finally {
      disk.unmount()
    }
  })

  it.each([
    ['is killed', 'json'],
    ['stops', 'json'],
    ['is killed', 'csv'],
    ['stops', 'csv'],
  ] as const)(
    'a pgwitness that %s leaves records in the server log, of which verify tells: %s',
    async (how, format) => {
      const disk = mountTmpfs('1m')
      try {
        directory = join(disk.path, 'audit')
        fs.mkdirSync(directory)
        const options = trailOptions(directory, {
          format,
          seal,
          server_log: { path: server_log },
        })
        const first = new WriterHarness(options).start()
        first.append(1, 30)
        first.flush()
        disk.fill()
        first.append(31, 200, 'p'.repeat(300))
        first.pass(200)
        expect(first.control.mode).toBe('fallback')
        if (how === 'stops') first.close()
        const alone = await verifyDirectory(directory, { keys })
        expect(alone.findings.join('\n')).toMatch(/ends where the disk was full/)
        expect(alone.verdict).toBe(2)
        disk.empty()
        new WriterHarness(options).start().close()
        const told = await verifyDirectory(directory, { keys })
        expect(told.findings.join('\n')).toMatch(/ends where the disk was full/)
        expect(told.verdict).toBe(2)
      } finally {
        disk.unmount()
      }
    },
  )
})

describe('a file that is missing', () => {
  it('is not excused by a record of its removal that no seal covers', async () => {
    const options = trailOptions(directory, { seal, rotate: { age_ms: 0, size_bytes: 4_096 } })
    fs.mkdirSync(directory)
    const first = new WriterHarness(options).start()
    first.append(1, 100)
    first.flush()
    const [oldest = ''] = fileNames(directory)
    const path = join(directory, first.currentFile)
    const last = fs.readFileSync(path, 'utf8').trimEnd().split('\n').at(-1) ?? ''
    const { trail, epoch, seq } = JSON.parse(last)
    const detail = { file: oldest, bytes: fs.statSync(join(directory, oldest)).size, reason: 'age' }
    const forged = { v: 1, trail, epoch, seq: seq + 1, instance: 'test', class: 'AUDIT' }
    fs.appendFileSync(path, `${JSON.stringify({ ...forged, command: 'audit.expire', detail })}\n`)
    fs.unlinkSync(join(directory, oldest))
    const told = await verifyDirectory(directory, { keys })
    expect(told.findings.join('\n')).toMatch(/altered: .*the file is missing/)
    new WriterHarness(options).start().close()
    const later = await verifyDirectory(directory, { keys })
    expect(later.findings.join('\n')).toMatch(/altered: .*the file is missing/)
  })
})

describe('a file that retention removes while it is verified', () => {
  it('is no alteration, with an anchor or without', async () => {
    const anchor = join(scratch, 'anchor')
    const options = trailOptions(directory, {
      seal: { ...seal, records: 5, copy: anchor },
      rotate: { age_ms: 0, size_bytes: 4_096 },
    })
    const trail = await openTrail(options, log)
    for (let n = 1; n <= 200; n++) expect(trail.append(body(n))).toBe(true)
    await trail.flush()
    await expect.poll(() => fs.existsSync(anchor)).toBe(true)
    const before = fileNames(directory)
    expect(before.length).toBeGreaterThan(4)
    // The first chunk that was read is told of before the second file is opened.
    const removing = { done: false }
    const findings = await verifyTrail({
      directory,
      keys,
      unsigned: false,
      anchor,
      now_ms: Date.now(),
      progress: () => {
        if (removing.done) return
        removing.done = true
        for (const name of before.slice(0, 3)) fs.unlinkSync(join(directory, name))
      },
    }).then((report) => report.findings)
    expect(findings.kept.filter(({ kind }) => kind !== 'note')).toEqual([])
    expect(findings.kept.map(({ file }) => file)).toEqual(before.slice(1, 3))
    await trail.close('test over')
    const told = await verifyDirectory(directory, { keys })
    expect(told.findings.join('\n')).toMatch(/altered: .*the file is missing/)
  })
})

describe('what a finding names', () => {
  it('holds the bytes and the number of the record that was edited', async () => {
    const options = trailOptions(directory, {
      seal: { ...seal, records: 10 },
      rotate: { age_ms: 0, size_bytes: 8_192 },
    })
    fs.mkdirSync(directory)
    const harness = new WriterHarness(options).start()
    harness.append(1, 150)
    harness.close()
    expect(fileNames(directory).length).toBeGreaterThan(2)
    for (const n of [1, 9, 10, 11, 60, 100, 149, 150]) {
      const stored = (await storedLines(directory)).find(({ record }) => record.n === n)
      if (stored === undefined) throw new Error(`record ${n} is missing`)
      const path = join(directory, stored.file)
      const whole = fs.readFileSync(path, 'utf8')
      const at = whole.indexOf(stored.text)
      fs.writeFileSync(path, whole.replace(`"n":${n},"padding"`, `"n":${n},"Padding"`))
      const found = await verifyTrail({ directory, keys, unsigned: false, now_ms: Date.now() })
      const finding = found.findings.kept.find(({ text }) => text.includes('that were sealed'))
      expect(finding?.file).toBe(stored.file)
      const [from = -1, to = -1] = finding?.bytes ?? []
      expect(from).toBeLessThanOrEqual(at)
      expect(to).toBeGreaterThanOrEqual(at + stored.text.length)
      const [first = -1, last = -1] = finding?.records ?? []
      expect(first).toBeLessThanOrEqual(stored.record.seq)
      expect(last).toBeGreaterThanOrEqual(stored.record.seq)
      expect(last - first).toBeLessThan(10)
      fs.writeFileSync(path, whole)
    }
  })
})

it.each(['json', 'csv'] as const)(
  'a directory that has lost its trail.id goes on with the trail of its files: %s',
  async (format) => {
    const options = trailOptions(directory, { format, seal })
    fs.mkdirSync(directory)
    for (const start of [1, 2, 3]) {
      const harness = new WriterHarness(options).start()
      const opened = harness.messages.find(({ kind }) => kind === 'opened')
      expect(opened).toMatchObject({ identity: { epoch: start } })
      harness.close()
      fs.unlinkSync(join(directory, 'trail.id'))
    }
    expect(await verifyDirectory(directory, { keys })).toEqual({ verdict: 0, findings: [] })
  },
)

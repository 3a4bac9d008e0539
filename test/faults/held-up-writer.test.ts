import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FileTrail, openTrail } from '../../src/trail/file-trail.js'
import { spawnCli, written } from '../cli/spawn-cli.js'
import { freezing_works, mountExt4, type ScratchFileSystem } from '../support/file-systems.js'
import { RawClient, startupPacket } from '../support/raw-client.js'
import { verifyDirectory } from '../trail/tampering/sealed-trail.js'
import {
  body,
  divertedLines,
  findFaults,
  removeDirectory,
  scratchDirectory,
  storedLines,
  trailOptions,
} from '../trail/trail-fixture.js'

/**
 * Writers that are held up in a system call, for real: by a file system whose writes are stopped
 * (fsfreeze of an ext4), and by a pipe that nobody empties.
 */

const patience = { timeout: 30_000 }
const logged: string[] = []
const note = (_object: object, message: string): void => void logged.push(message)
const log = { info: note, warn: note, error: note }

let scratch: string
let server_log: string

beforeEach(() => {
  scratch = scratchDirectory()
  server_log = join(scratch, 'server.log')
  logged.length = 0
})

afterEach(() => removeDirectory(scratch))

function fill(trail: FileTrail, first: number, last: number, padding = ''): void {
  for (let n = first; n <= last; n++) expect(trail.append(body(n, padding))).toBe(true)
}

async function everything(directory: string, log_file: string): Promise<string[]> {
  const stored = (await storedLines(directory)).map(({ text }) => text)
  return [...stored, ...(fs.existsSync(log_file) ? divertedLines(log_file) : [])]
}

describe.skipIf(!freezing_works)('a file system that stops (skips without ext4 and root)', () => {
  let disk: ScratchFileSystem
  let directory: string

  beforeEach(() => {
    disk = mountExt4(16)
    directory = join(disk.path, 'audit')
  })

  afterEach(() => disk.unmount())

  it('is left to the writer that it holds up; another writes to the server log until it is back', async () => {
    const options = trailOptions(directory, { server_log: { path: server_log } })
    const trail = await openTrail(options, log)
    fill(trail, 1, 10)
    await trail.flush()
    disk.freeze()
    fill(trail, 11, 100)
    await trail.flush()
    expect(trail.state).toMatchObject({ mode: 'fallback', stuck: true, acknowledged_records: 100 })
    expect(logged.join()).toContain('the audit directory does not answer')
    fill(trail, 101, 150)
    await trail.flush()
    expect(trail.failing).toBeUndefined()
    disk.unfreeze()
    await expect.poll(() => trail.state.mode, patience).toBe('file')
    expect(trail.state.stuck).toBe(false)
    fill(trail, 151, 200)
    await trail.close('test over')
    const texts = await everything(directory, server_log)
    expect(findFaults(texts)).toEqual([])
    const numbers = new Set(texts.flatMap((text) => JSON.parse(text).n ?? []))
    expect(numbers.size).toBe(200)
    const resume = texts.map((text) => JSON.parse(text)).find((r) => r.command === 'audit.resume')
    expect(resume?.detail).toMatchObject({ sha256: expect.stringMatching(/^[0-9a-f]{64}$/) })
    expect(resume?.detail.previous.file).toMatch(/-0001\.log$/)
    const { findings } = await verifyDirectory(directory, { server_log, unsigned: true })
    expect(findings.filter((finding) => finding.startsWith('altered'))).toEqual([])
  })

  it('does not keep the trail from being closed: what is left is in the server log', async () => {
    const options = trailOptions(directory, { server_log: { path: server_log } })
    const trail = await openTrail(options, log)
    disk.freeze()
    fill(trail, 1, 50)
    await trail.close('test over')
    disk.unfreeze()
    const diverted = divertedLines(server_log).map((text) => JSON.parse(text))
    expect(diverted.flatMap(({ n }) => n ?? [])).toHaveLength(50)
    expect(diverted.at(-1)).toMatchObject({ command: 'audit.stop' })
  })

  it('does not keep the process from ending: what is left is in the server log', async () => {
    const line = ['run', '--listen', '127.0.0.1:0', '--audit-dir', directory]
    const cli = spawnCli([...line, '--upstream', 'postgres://127.0.0.1:1'], {
      PGWITNESS_AUDIT_STUCK_TIMEOUT: '500ms',
      PGWITNESS_SERVER_LOG_FILE: join(scratch, 'log', 'server.log'),
    })
    const [, port] = await written(cli, 'stderr', /listening on 127\.0\.0\.1:(\d+) for/)
    disk.freeze()
    const client = await RawClient.connect(Number(port))
    client.send(startupPacket({ user: 'nobody', database: 'nothing' }))
    expect(await client.closed()).toContain('C08001')
    cli.process.kill('SIGTERM')
    await written(cli, 'stderr', /a system call does not come back: ending by force/)
    // The kernel lets go of the process when the file system lets go of its thread.
    disk.unfreeze()
    expect(await cli.ended).not.toBe(0)
    const texts = divertedLines(join(scratch, 'log', 'server.1.log'))
    const commands = texts.map((text) => JSON.parse(text).command)
    expect(commands).toEqual(expect.arrayContaining(['connection refused', 'audit.stop']))
  })

  it('together with a log that takes nothing is a failure, until one of the two is back', async () => {
    const fifo = join(scratch, 'pipe')
    execFileSync('mkfifo', [fifo])
    const pipe = fs.openSync(fifo, fs.constants.O_RDWR)
    const options = trailOptions(directory, { server_log: { fd: pipe } })
    const trail = await openTrail(options, log)
    const told: (string | undefined)[] = []
    trail.when_failing(() => told.push(trail.failing))
    disk.freeze()
    fill(trail, 1, 10, 'p'.repeat(50_000))
    await expect.poll(() => trail.failing, patience).toBe('refuse')
    expect(trail.state).toMatchObject({ mode: 'failed', stuck: true })
    fill(trail, 11, 12)
    // Now somebody reads.
    const copy = join(scratch, 'copy')
    const reader = spawn('sh', ['-c', 'exec cat < "$1" > "$2"', 'sh', fifo, copy])
    await trail.flush()
    expect(trail.failing).toBeUndefined()
    expect(trail.state).toMatchObject({ mode: 'fallback', acknowledged_records: 12 })
    expect(told).toEqual(['refuse', undefined])
    disk.unfreeze()
    await expect.poll(() => trail.state.mode, patience).toBe('file')
    await trail.close('test over')
    fs.closeSync(pipe)
    await once(reader, 'exit')
    const texts = await everything(directory, copy)
    expect(findFaults(texts)).toEqual([])
    const numbers = new Set(texts.flatMap((text) => JSON.parse(text).n ?? []))
    expect(numbers.size).toBe(12)
  })
})

describe('a server log that stops', () => {
  it('is left to the writer that it holds up; another one goes back to a file', async () => {
    const directory = join(scratch, 'audit')
    const fifo = join(scratch, 'pipe')
    execFileSync('mkfifo', [fifo])
    const pipe = fs.openSync(fifo, fs.constants.O_RDWR)
    const trail = await openTrail(trailOptions(directory, { server_log: { fd: pipe } }), log)
    // A file in the place of the directory: no new one can be made there.
    fs.renameSync(directory, `${directory}.gone`)
    fs.writeFileSync(directory, '')
    fill(trail, 1, 10, 'p'.repeat(50_000))
    await expect.poll(() => trail.state.stuck, patience).toBe(true)
    await expect.poll(() => trail.state.mode, patience).toBe('failed')
    fs.rmSync(directory)
    fs.renameSync(`${directory}.gone`, directory)
    await trail.flush()
    expect(trail.state).toMatchObject({ mode: 'file', stuck: true, acknowledged_records: 10 })
    const reader = spawn('sh', ['-c', 'exec cat < "$1" > /dev/null', 'sh', fifo])
    await expect.poll(() => trail.state.stuck, patience).toBe(false)
    await trail.close('test over')
    fs.closeSync(pipe)
    await once(reader, 'exit')
    const texts = (await storedLines(directory)).map(({ text }) => text)
    const numbers = new Set(texts.flatMap((text) => JSON.parse(text).n ?? []))
    expect(numbers.size).toBe(10)
  })
})

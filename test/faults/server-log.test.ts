import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openServerLog } from '../../src/ops/server-log.js'
import {
  divertedLines,
  findFaults,
  storedLines,
  trailOptions,
  WriterHarness,
} from '../trail/trail-fixture.js'

const day_ms = 86_400_000
let scratch: string

beforeEach(() => {
  scratch = fs.mkdtempSync(join(tmpdir(), 'pgwitness-server-log-'))
})

afterEach(() => {
  fs.rmSync(scratch, { recursive: true })
})

function options(file: string, age_ms = 7 * day_ms) {
  return { level: 'info', file, rotate: { age_ms } } as const
}

describe('opening the server log', () => {
  it('makes files that only their owner reads, whatever the umask', async () => {
    const umask = process.umask(0)
    try {
      const log = await openServerLog(options(join(scratch, 'server.log')))
      log.logger.info('hello')
      await log.close()
    } finally {
      process.umask(umask)
    }
    const file = join(scratch, 'server.1.log')
    expect(fs.statSync(file).mode & 0o777).toBe(0o600)
    expect(fs.readFileSync(file, 'utf8')).toContain('hello')
  })

  it.each([
    ['below a file', (file: string) => fs.writeFileSync(join(file, '..'), '')],
    [
      'that is a directory',
      (file: string) => fs.mkdirSync(`${file.slice(0, -4)}.1.log`, { recursive: true }),
    ],
    [
      'whose link is in use',
      (file: string) => fs.mkdirSync(join(file, '../current.log'), { recursive: true }),
    ],
  ])('tells with a code what is wrong with one %s', async (_, spoil) => {
    const file = join(scratch, 'below', 'server.log')
    spoil(file)
    await expect(openServerLog(options(file))).rejects.toMatchObject({
      code: 'server_log.unwritable',
    })
  })

  it('does not begin a file every moment for an age that no timer can count', async () => {
    const log = await openServerLog(options(join(scratch, 'server.log'), 36_500 * day_ms))
    // Timers that are due at once come to their turn in each round of the event loop.
    for (let round = 0; round < 50; round++) await new Promise((next) => setTimeout(next, 1))
    await log.close()
    expect(fs.readdirSync(scratch).sort()).toEqual(['current.log', 'server.1.log'])
  })
})

describe('the server log as the last resort', () => {
  it('is not the null device, which would swallow the records', () => {
    const directory = join(scratch, 'audit')
    fs.mkdirSync(directory)
    const harness = new WriterHarness(
      trailOptions(directory, { server_log: { path: '/dev/null' } }),
    ).start()
    fs.rmSync(directory, { recursive: true })
    fs.writeFileSync(directory, '')
    harness.append(1, 10)
    harness.pass(200)
    expect(harness.control.mode).toBe('failed')
    expect(harness.control.counter('acknowledged')).toBe(0)
  })

  it('is found again when somebody has removed it meanwhile', async () => {
    const directory = join(scratch, 'audit')
    const path = join(scratch, 'server.log')
    fs.mkdirSync(directory)
    const harness = new WriterHarness(trailOptions(directory, { server_log: { path } })).start()
    const first = await storedLines(directory)
    fs.rmSync(directory, { recursive: true })
    fs.writeFileSync(directory, '')
    harness.append(1, 10)
    harness.pass(200)
    const removed = divertedLines(path)
    fs.rmSync(path)
    harness.append(11, 20)
    harness.pass(200)
    fs.rmSync(directory)
    harness.pass(6_000, 100)
    harness.close()
    const kept = divertedLines(path)
    expect(kept).toHaveLength(10)
    const stored = await storedLines(directory)
    const texts = [...first, ...stored].map(({ text }) => text)
    expect(findFaults([...texts, ...removed, ...kept])).toEqual([])
  })
})

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  divertedLines,
  findFaults,
  removeDirectory,
  scratchDirectory,
  trailOptions,
  WriterHarness,
} from '../trail/trail-fixture.js'

let scratch: string
let directory: string
let fifo: string
let fd: number | undefined

beforeEach(() => {
  scratch = scratchDirectory()
  directory = join(scratch, 'audit')
  fs.mkdirSync(directory)
  fifo = join(scratch, 'pipe')
  execFileSync('mkfifo', [fifo])
})

afterEach(() => {
  if (fd !== undefined) fs.closeSync(fd)
  fd = undefined
  removeDirectory(scratch)
})

/** Opened for both directions, a pipe takes what its buffer holds though nobody reads. */
function openPipe(flags: number): number {
  fd = fs.openSync(fifo, fs.constants.O_RDWR | flags)
  return fd
}

/** A writer that finds a file where its directory was: everything goes to the pipe. */
function divertedHarness(pipe: number, format: 'json' | 'csv' = 'json'): WriterHarness {
  const options = trailOptions(directory, { format, server_log: { fd: pipe } })
  const harness = new WriterHarness(options).start()
  fs.rmSync(directory, { recursive: true })
  fs.writeFileSync(directory, '')
  return harness
}

/** Reads what is in the pipe now; it is open without waiting. */
function drainPipe(pipe: number): string {
  const chunk = Buffer.alloc(1024 * 1024)
  let text = ''
  try {
    for (;;) text += chunk.toString('utf8', 0, fs.readSync(pipe, chunk))
  } catch (error) {
    expect(error).toMatchObject({ code: 'EAGAIN' })
  }
  return text
}

describe('a server log that is a pipe', () => {
  it('is waited for while its reader is slow', async () => {
    const pipe = openPipe(fs.constants.O_NONBLOCK)
    const harness = divertedHarness(pipe)
    const copy = join(scratch, 'copy')
    const reader = spawn('sh', ['-c', `sleep 0.3; exec cat < "$1" > "$2"`, 'sh', fifo, copy])
    for (let n = 1; n <= 10; n++) harness.append(n, n, 'p'.repeat(50_000))
    harness.pass(200)
    expect(harness.control.counter('acknowledged')).toBe(10)
    fs.closeSync(pipe)
    fd = undefined
    await once(reader, 'exit')
    const texts = divertedLines(copy)
    expect(JSON.parse(texts[0] ?? '').command).toBe('audit.fallback')
    expect(texts).toHaveLength(11)
    expect(findFaults(['{"seq":1}', ...texts])).toEqual([])
  })

  it('that nobody reads counts as failed after the patience, and its torn line is ended', async () => {
    const pipe = openPipe(fs.constants.O_NONBLOCK)
    const harness = divertedHarness(pipe)
    harness.clock.tick_ms = 100
    harness.append(1, 1, 'p'.repeat(200_000))
    harness.pass(200)
    expect(harness.control.mode).toBe('failed')
    expect(harness.control.counter('acknowledged')).toBe(0)
    expect(drainPipe(pipe).endsWith('\n')).toBe(false)
    // Now somebody reads.
    harness.clock.tick_ms = 0
    const copy = join(scratch, 'copy')
    const reader = spawn('sh', ['-c', `exec cat < "$1" > "$2"`, 'sh', fifo, copy])
    await once(reader, 'spawn')
    while (harness.control.counter('acknowledged') === 0) harness.pass(1_000)
    fs.closeSync(pipe)
    fd = undefined
    await once(reader, 'exit')
    expect(fs.readFileSync(copy, 'utf8').startsWith('\n{"level":50,')).toBe(true)
    expect(divertedLines(copy).map((text) => JSON.parse(text).n ?? 0)).toContain(1)
  })

  it('gets CSV records as strings that give the same bytes', () => {
    const pipe = openPipe(fs.constants.O_NONBLOCK)
    const harness = divertedHarness(pipe, 'csv')
    const record = 'AUDIT: SESSION,READ,"select\n\'é\\"",1'
    harness.queue.append(record)
    harness.pass(200)
    const records = drainPipe(pipe)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line).record)
    expect(records.at(-1)).toBe(record)
    expect(records[0]).toContain('audit.fallback')
  })
})

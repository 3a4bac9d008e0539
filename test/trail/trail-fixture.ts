import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ControlWords, createControl, type TrailMemory } from '../../src/trail/control-words.js'
import type { Disk } from '../../src/trail/disk.js'
import { auditFiles } from '../../src/trail/file-name.js'
import { readTrail } from '../../src/trail/read-trail.js'
import { createRing, RingProducer } from '../../src/trail/ring.js'
import type { TrailIdentity, TrailOptions } from '../../src/trail/trail-options.js'
import { TrailWriter } from '../../src/trail/trail-writer.js'
import type { WriterClock } from '../../src/trail/writer-clock.js'
import type { WriterMessage } from '../../src/trail/writer-messages.js'

/** A directory of its own for each test. */
export function scratchDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'pgwitness-trail-'))
}

export function removeDirectory(path: string): void {
  rmSync(path, { recursive: true, force: true })
}

export function trailOptions(directory: string, changes: Partial<TrailOptions> = {}): TrailOptions {
  return {
    directory,
    directory_mode: 0o700,
    file_mode: 0o600,
    format: 'json',
    rotate: { age_ms: 0, size_bytes: 0 },
    retain: {},
    flush: { interval_ms: 10, sync_ms: 50, size_bytes: 64 * 1024 },
    durability: 'async',
    queue_bytes: 1024 * 1024,
    stuck_timeout_ms: 1_000,
    on_failure: 'refuse',
    seal: { every_ms: 10_000, records: 10_000 },
    time_zone: 'UTC',
    instance: 'test',
    server_log: { path: join(directory, '..', `${directory.split('/').at(-1)}.server.log`) },
    start_detail: { version: 'test' },
    ...changes,
  }
}

/** The part of a record that the tests look at. */
export interface Line {
  readonly v: number
  readonly trail: string
  readonly epoch: number
  readonly seq: number
  readonly command?: string
  readonly n?: number
  readonly detail?: Record<string, unknown>
}

/** A rendered record, without its head, as the formatter gives it. */
export function body(n: number, padding = ''): string {
  return `"instance":"test","n":${n},"padding":"${padding}"}`
}

export interface StoredLine {
  readonly file: string
  readonly text: string
  readonly record: Line
}

/** All JSON records of a directory. */
export async function storedLines(directory: string): Promise<StoredLine[]> {
  const lines: StoredLine[] = []
  for await (const { file, line } of readTrail(directory)) {
    lines.push({ file, text: line, record: JSON.parse(line) })
  }
  return lines
}

/** The records that a server log holds, cut out of its lines byte for byte. */
export function divertedLines(path: string): string[] {
  const head = /^\{"level":50,"time":\d+,"code":"audit\.fallback","record":/
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => head.test(line))
    .map((line) => line.replace(head, '').slice(0, -1))
}

export function fileNames(directory: string): string[] {
  return auditFiles(readdirSync(directory)).map(({ name }) => name)
}

/** Numbers that are missing between 1 and the highest, and texts that differ under one number. */
export function findFaults(texts: readonly string[]): string[] {
  const seen = new Map<number, string>()
  const faults: string[] = []
  for (const text of texts) {
    const { seq } = JSON.parse(text) as Line
    const before = seen.get(seq)
    if (before !== undefined && before !== text) faults.push(`two records have number ${seq}`)
    seen.set(seq, text)
  }
  const highest = [...seen.keys()].reduce((a, b) => Math.max(a, b), 0)
  for (let seq = 1; seq <= highest; seq++) {
    if (!seen.has(seq)) faults.push(`record ${seq} is missing`)
  }
  return faults
}

export class FakeClock implements WriterClock {
  /** Milliseconds that pass with each look at the clock, for code that waits by itself. */
  tick_ms = 0
  #wall_us: number
  #monotonic_ms = 1_000_000

  constructor(time: string) {
    this.#wall_us = Date.parse(time) * 1000
  }

  nowMicroseconds(): number {
    return this.#wall_us
  }

  monotonicMilliseconds(): number {
    this.#monotonic_ms += this.tick_ms
    return this.#monotonic_ms
  }

  /** Sets the wall clock forward, or back, without any time passing. */
  set(by_ms: number): void {
    this.#wall_us += by_ms * 1000
  }

  advance(duration_ms: number): void {
    this.#wall_us += duration_ms * 1000
    this.#monotonic_ms += duration_ms
  }

  /** Somebody sets the clock on the wall; what is due does not change. */
  setWall(difference_ms: number): void {
    this.#wall_us += difference_ms * 1000
  }
}

/** Both sides of a trail in one thread, with a clock that moves when the test says so. */
export class WriterHarness {
  readonly clock: FakeClock
  readonly memory: TrailMemory
  readonly queue: RingProducer
  readonly control: ControlWords
  readonly messages: WriterMessage[] = []
  writer: TrailWriter
  readonly #options: TrailOptions
  readonly #disk: Disk | undefined
  #reason: string | undefined

  constructor(
    options: TrailOptions,
    { time = '2026-11-21T22:06:01Z', disk }: { time?: string; disk?: Disk } = {},
  ) {
    this.clock = new FakeClock(time)
    this.#options = options
    this.#disk = disk
    this.memory = {
      queue: createRing(options.queue_bytes),
      notes: createRing(256 * 1024),
      control: createControl(),
    }
    this.queue = new RingProducer(this.memory.queue)
    this.control = new ControlWords(this.memory.control)
    this.writer = this.#newWriter(undefined)
  }

  start(): this {
    this.writer.start()
    return this
  }

  /** A new writer on the same memory, as after the death of the first. */
  replaceWriter(): void {
    const opened = this.messages.findLast((message) => message.kind === 'opened')
    if (opened?.kind !== 'opened') throw new Error('no file was opened yet')
    this.control.inherit(0)
    this.writer = this.#newWriter(opened.identity)
    this.writer.start()
  }

  append(first: number, last: number, padding = ''): void {
    for (let n = first; n <= last; n++) {
      if (!this.queue.append(body(n, padding))) throw new Error('the queue is full')
    }
  }

  /** Lets time pass in small steps, the writer doing what is due in each. */
  pass(duration_ms: number, step_ms = 10): void {
    for (let passed_ms = 0; passed_ms < duration_ms; passed_ms += step_ms) {
      this.clock.advance(step_ms)
      this.writer.step()
    }
  }

  /** Asks for everything to be written and synced. */
  flush(): void {
    this.control.command()
    this.writer.step()
  }

  close(): void {
    this.#reason = 'test'
    this.flush()
  }

  get currentFile(): string {
    const opened = this.messages.findLast((message) => message.kind === 'opened')
    return opened?.kind === 'opened' ? opened.file : ''
  }

  #newWriter(identity: TrailIdentity | undefined): TrailWriter {
    const setup = {
      options: this.#options,
      generation: 0,
      ...(identity !== undefined && { identity }),
    }
    return new TrailWriter(this.memory, setup, {
      report: (message) => this.messages.push(message),
      closing: () => (this.#reason === undefined ? undefined : { reason: this.#reason }),
      clock: this.clock,
      ...(this.#disk !== undefined && { disk: this.#disk }),
    })
  }
}

import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { WitnessError } from '../../../src/errors.js'
import type { TrailOptions } from '../../../src/trail/trail-options.js'
import { fileNames, trailOptions, WriterHarness } from '../trail-fixture.js'
import { type DeathMoment, FaultyDisk } from './faulty-disk.js'

/** What ends with a writer that dies. */
export type DeathOf = 'thread' | 'process' | 'machine'

/** One process: what it was given, as numbers of its records, and what it has promised to keep. */
export interface Run {
  readonly first_n: number
  /** The numbers from `first_n` to before this one were taken into its queue. */
  end_n: number
  /** Those before this one it has acknowledged. */
  safe_n: number
  /** Of its records; 0 when it wrote none. */
  epoch: number
  /** It ended before it could write all that had a number. */
  cut: boolean
}

/** The settings that change what the trail does. */
export interface WorldSettings {
  readonly format: 'json' | 'csv'
  readonly size_bytes: number
  readonly age_ms: number
  readonly files: number | undefined
  readonly seal_records: number
  readonly flush_bytes: number
}

const base = fs.existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/**
 * A trail and all that can happen to it, in one thread: the writer, its disk, the clock, processes
 * that follow each other on one directory. The model of the trail is the list of runs.
 */
export class TrailWorld {
  readonly scratch = fs.mkdtempSync(join(base, 'pgwitness-model-'))
  readonly directory = join(this.scratch, 'audit')
  readonly server_log = join(this.scratch, 'server.log')
  readonly runs: Run[] = []
  readonly disk = new FaultyDisk(this.directory, this.server_log)
  readonly format: 'json' | 'csv'
  /** Files that somebody removed. */
  readonly deleted = new Set<string>()
  /** Whether anything happened that may leave a file without its last seal. */
  disturbed = false
  thread_died = false
  readonly #options: TrailOptions
  #harness: WriterHarness | undefined
  #next_n = 1
  #death_of: DeathOf = 'thread'
  #survives = 0
  /** What a writer that died in a system call left in the memory. */
  #last_memory: Uint8Array[] = []
  #wall_ms = Date.parse('2026-11-21T22:06:01Z')

  constructor(settings: WorldSettings) {
    this.format = settings.format
    fs.mkdirSync(this.directory)
    this.#options = trailOptions(this.directory, {
      format: settings.format,
      rotate: { age_ms: settings.age_ms, size_bytes: settings.size_bytes },
      retain: settings.files === undefined ? {} : { files: settings.files },
      flush: { interval_ms: 50, sync_ms: 1_000, size_bytes: settings.flush_bytes },
      queue_bytes: 64 * 1024,
      seal: { every_ms: 10_000, records: settings.seal_records },
      server_log: { path: this.server_log },
    })
  }

  /** Starts a process on the directory. One that meets a broken disk is refused, as it should be. */
  start(): void {
    this.#harness = undefined
    const time = new Date(this.#wall_ms).toISOString()
    const harness = new WriterHarness(this.#options, { time, disk: this.disk.calls })
    this.disk.on_death = () => {
      this.#last_memory = Object.values(harness.memory).map((shared) =>
        new Uint8Array(shared).slice(),
      )
    }
    const n = this.#next_n
    this.runs.push({ first_n: n, end_n: n, safe_n: n, epoch: 0, cut: true })
    try {
      harness.start()
      this.#harness = harness
    } catch (error) {
      this.disturbed = true
      if (this.disk.is_dead) {
        this.disk.revive()
        if (this.#death_of === 'machine') this.disk.losePower(this.#survives)
      } else if (!(error instanceof WitnessError)) throw error
      // Nobody starts it again before the disk is in order.
      this.repair()
      this.start()
    }
  }

  append(count: number, length: number): void {
    const run = this.#run
    for (let done = 0; done < count; done++) {
      const taken = this.#queue.append(this.#record(this.#next_n, length))
      if (!taken) return
      this.#next_n++
      run.end_n = this.#next_n
    }
  }

  pass(duration_ms: number): void {
    const step_ms = Math.max(25, duration_ms / 40)
    this.#alive((harness) => harness.pass(duration_ms, step_ms))
  }

  flush(): void {
    this.#alive((harness) => harness.flush())
  }

  setWall(difference_ms: number): void {
    this.#harness?.clock.setWall(difference_ms)
  }

  /** Ends the process in order, if the disk lets it, and starts the next one. */
  restart(): void {
    this.#close()
    this.start()
  }

  /** The writer dies in some later system call, and more with it. */
  dieAfter(calls: number, moment: DeathMoment, of: DeathOf, survives: number): void {
    this.#death_of = of
    this.#survives = survives
    this.disk.dieAfter(calls, moment)
  }

  /** Ends what there is at once, between two system calls. */
  die(of: DeathOf, survives: number): void {
    this.#death_of = of
    this.#survives = survives
    this.#bury()
  }

  deleteCurrentFile(): void {
    const name = fileNames(this.directory).at(-1)
    if (name === undefined) return
    this.disturbed = true
    this.deleted.add(name)
    this.disk.removeFile(join(this.directory, name))
  }

  repair(): void {
    this.disk.faults.clear()
  }

  /** The end of the story: everything works again, and the last process ends in order. */
  finish(): void {
    this.repair()
    this.disk.forgetDeath()
    // Long enough for the way back to a file.
    this.pass(30_000)
    this.#close()
    const run = this.#run
    expect(run.safe_n, 'the last process has kept all that it took').toBe(run.end_n)
  }

  remove(): void {
    fs.rmSync(this.scratch, { recursive: true, force: true })
  }

  #close(): void {
    const { length } = this.runs
    this.#alive((harness) => harness.close())
    // It died on its way, and another one has taken its place.
    if (this.runs.length > length) return
    const closed = this.#harness?.messages.at(-1)
    const is_whole = closed?.kind === 'closed' && closed.unwritten_bytes === 0
    if (!is_whole) this.disturbed = true
    this.#endRun()
    this.#run.cut = !is_whole
    this.disk.revive()
  }

  /** Lets the writer do something; one that dies of it has a successor, or takes all with it. */
  #alive(act: (harness: WriterHarness) => void): void {
    const harness = this.#harness
    if (harness === undefined) throw new Error('no process is running')
    try {
      act(harness)
    } catch (error) {
      if (!this.disk.is_dead) throw error
    }
    if (this.disk.is_dead) this.#bury()
  }

  #bury(): void {
    this.disturbed = true
    this.thread_died ||= this.#death_of === 'thread'
    const harness = this.#harness
    if (this.disk.is_dead && harness !== undefined) {
      for (const [index, shared] of Object.values(harness.memory).entries()) {
        new Uint8Array(shared).set(this.#last_memory[index] ?? [])
      }
    }
    if (this.#death_of === 'thread' && harness !== undefined) {
      this.disk.revive()
      this.#alive((alive) => alive.replaceWriter())
      return
    }
    this.#endRun()
    this.disk.revive()
    if (this.#death_of === 'machine') this.disk.losePower(this.#survives)
    this.start()
  }

  #endRun(): void {
    const harness = this.#harness
    if (harness === undefined) return
    const run = this.#run
    run.safe_n = run.first_n + harness.control.counter('acknowledged')
    const opened = harness.messages.findLast((message) => message.kind === 'opened')
    if (opened?.kind === 'opened') run.epoch = opened.identity.epoch
    this.#wall_ms = Math.floor(harness.clock.nowMicroseconds() / 1000)
  }

  #record(n: number, length: number): string {
    if (this.format === 'json')
      return `"instance":"test","n":${n},"padding":"${'p'.repeat(length)}"}`
    return `AUDIT: SESSION,READ,${n},"line\nend, ""${'p'.repeat(length)}""",`
  }

  get #queue(): WriterHarness['queue'] {
    if (this.#harness === undefined) throw new Error('no process is running')
    return this.#harness.queue
  }

  get #run(): Run {
    const run = this.runs.at(-1)
    if (run === undefined) throw new Error('nothing was started')
    return run
  }
}

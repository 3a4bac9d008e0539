import { Worker } from 'node:worker_threads'
import { assert } from '../lib/assert.js'
import { limits } from '../lib/limits.js'
import {
  type ParserAnswer,
  type ParserBatch,
  type ParserWorkerData,
  parser_ready,
} from './parser-messages.js'

/** What the owner of a parser thread hears of it; `failed` is the last, and comes at most once. */
export interface ParserThreadEvents {
  ready(): void
  answer(answer: ParserAnswer): void
  /**
   * The thread died, got stuck or could not be started. `current` is the number of the text that
   * it was at, counted from 0 over all texts posted to it; undefined when it was at none.
   */
  failed(problem: string, current: number | undefined): void
}

/** How a parser thread is started. */
export interface ParserThreadOptions {
  readonly worker_file: URL
  /** Time for one text. */
  readonly deadline_ms: number
  /** Bound of the thread's JavaScript heap, in MiB. */
  readonly heap_mb: number
}

/** How often within a deadline the thread's progress is looked at. */
const looks_per_deadline = 4

/**
 * One worker thread with a parser in it. Progress is read from shared memory rather than from
 * messages: it is right even when this loop was too busy to receive them, so that a slow relay is
 * never mistaken for a stuck parser.
 */
export class ParserThread {
  readonly #worker: Worker
  readonly #events: ParserThreadEvents
  readonly #deadline_ms: number
  readonly #progress = new Int32Array(new SharedArrayBuffer(8))
  #ready = false
  #ended = false
  #posted = 0
  #seen_begun = 0
  #seen_finished = 0
  #seen_at_ms = performance.now()
  #watch: NodeJS.Timeout | undefined

  /** Starts the thread. */
  constructor(options: ParserThreadOptions, events: ParserThreadEvents) {
    this.#events = events
    this.#deadline_ms = options.deadline_ms
    const data: ParserWorkerData = { progress: this.#progress }
    this.#worker = new Worker(options.worker_file, {
      name: 'pgwitness-parser',
      workerData: data,
      resourceLimits: { maxOldGenerationSizeMb: options.heap_mb },
    })
    this.#worker.on('message', (message: unknown) => this.#receive(message))
    this.#worker.on('messageerror', (error) => this.#fail(error.message))
    this.#worker.on('error', (error) =>
      this.#fail(error instanceof Error ? error.message : String(error)),
    )
    this.#worker.on('exit', (code) => this.#fail(`the parser thread ended with code ${code}`))
    this.#startWatch(limits.parser_start_ms)
  }

  get ready(): boolean {
    return this.#ready && !this.#ended
  }

  /** Sends texts to the thread, which must be ready. */
  post(batch: ParserBatch): void {
    assert(this.ready, 'texts are posted to a parser thread that is ready')
    if (this.#watch === undefined) this.#startWatch(this.#deadline_ms)
    this.#posted += batch.texts.length
    this.#worker.postMessage(batch)
  }

  /** Ends the thread, even in the middle of a text; no event comes after the call. */
  async terminate(): Promise<void> {
    this.#ended = true
    this.#stopWatch()
    await this.#worker.terminate()
  }

  #receive(message: unknown): void {
    if (this.#ended) return
    if (message === parser_ready) {
      this.#ready = true
      this.#stopWatch()
      this.#events.ready()
      return
    }
    this.#events.answer(message as ParserAnswer)
  }

  #fail(problem: string): void {
    if (this.#ended) return
    this.#ended = true
    this.#stopWatch()
    const begun = Atomics.load(this.#progress, 0)
    const finished = Atomics.load(this.#progress, 1)
    this.#events.failed(problem, begun > finished ? begun - 1 : undefined)
  }

  #startWatch(deadline_ms: number): void {
    this.#stopWatch()
    this.#seen_at_ms = performance.now()
    const interval_ms = Math.max(1, deadline_ms / looks_per_deadline)
    this.#watch = setInterval(() => this.#look(deadline_ms), interval_ms)
  }

  #stopWatch(): void {
    clearInterval(this.#watch)
    this.#watch = undefined
  }

  /** Without progress for the whole deadline the thread is stuck. */
  #look(deadline_ms: number): void {
    const begun = Atomics.load(this.#progress, 0)
    const finished = Atomics.load(this.#progress, 1)
    if (this.#ready && finished === this.#posted) {
      this.#stopWatch()
      return
    }
    const now_ms = performance.now()
    if (begun !== this.#seen_begun || finished !== this.#seen_finished) {
      this.#seen_begun = begun
      this.#seen_finished = finished
      this.#seen_at_ms = now_ms
    } else if (now_ms - this.#seen_at_ms >= deadline_ms) {
      this.#fail(
        this.#ready
          ? `the parser took longer than ${deadline_ms} ms`
          : `the parser did not start within ${deadline_ms} ms`,
      )
    }
  }
}

import { builtFile } from '../lib/built-file.js'
import { Fifo } from '../lib/fifo.js'
import { limits } from '../lib/limits.js'
import { unparsedFacts } from './analyse-text.js'
import { FactCache } from './fact-cache.js'
import type { FactsSource, FactsTicket, TextFacts } from './facts.js'
import { PendingTicket, settledTicket } from './facts-ticket.js'
import type { ParserAnswer } from './parser-messages.js'
import { ParserThread, type ParserThreadOptions } from './parser-thread.js'
import { redactUnparsedText } from './redact.js'
import { redacted } from './secret-names.js'

/** What may be set about the door; what is absent has the value of `limits`. */
export interface ParserDoorOptions {
  /** Longest text that is parsed, in bytes of UTF-8; longer ones are `unparsed` at once. */
  readonly analysed_bytes?: number
  /** Time for one text. */
  readonly deadline_ms?: number
  readonly cache_entries?: number
  readonly cache_bytes?: number
  /** JavaScript heap of the parser thread, in MiB. */
  readonly heap_mb?: number
  /** The compiled worker. */
  readonly worker_file?: URL
  /** Hears each time that the parser thread had to be replaced, and why. */
  readonly on_replaced?: (problem: string) => void
}

/** Counts since the start, and the state of this moment, for the metrics. */
export interface ParserDoorCounters {
  readonly parsed: number
  readonly syntax_errors: number
  readonly unparsed: number
  readonly replacements: number
  readonly cache_hits: number
  readonly cache_misses: number
  readonly cache_entries: number
  readonly cache_bytes: number
  /** Texts that wait for their facts, and their characters in bytes of memory at most. */
  readonly queued: number
  readonly queued_bytes: number
}

/**
 * What is done with a text next. One at which a parser thread died or got stuck is analysed once
 * more, with nothing else in flight, for it may have suffered for another or for a busy machine;
 * should that fail too it is only redacted.
 */
type Stage = 'analyse' | 'alone' | 'redact'

interface Job {
  readonly text: string
  readonly ticket: PendingTicket
  stage: Stage
  /** Why a thread failed at it. */
  problem: string
}

/** Batches that the thread may hold: one to work on, one so that it need not wait for this loop. */
const batches_in_flight = 2

const closing = 'pgwitness is stopping'

/**
 * The door to the parser thread. Texts that are known are answered from the cache at once; all
 * others go to the thread in batches, each distinct text once. Whatever befalls the thread, every
 * ticket gets facts, if only `unparsed` ones.
 */
export class ParserDoor implements FactsSource {
  readonly #cache: FactCache
  readonly #analysed_bytes: number
  readonly #thread_options: ParserThreadOptions
  readonly #on_replaced: ((problem: string) => void) | undefined
  /** Jobs by their text, until they are settled. */
  readonly #jobs = new Map<string, Job>()
  readonly #queue = new Fifo<Job>()
  /** What was in flight beside the text at which a thread failed; it goes first. */
  #retries = new Fifo<Job>()
  #in_flight = new Fifo<Job>()
  #batches = 0
  /** Texts that the present thread has answered. */
  #answered = 0
  /** True while a text is in flight that must be alone. */
  #alone = false
  #thread: ParserThread | undefined
  readonly #terminations = new Set<Promise<void>>()
  /** True once the present thread has had a text that took much memory. */
  #swollen = false
  /** True once the present thread has been ready. */
  #came_up = false
  #start_failures = 0
  #restart: NodeJS.Timeout | undefined
  #pump_scheduled = false
  #closed = false
  #queued_bytes = 0
  #parsed = 0
  #syntax_errors = 0
  #unparsed = 0
  #replacements = 0
  #cache_hits = 0
  #cache_misses = 0

  /** Starts the parser thread, so that it is loaded when the first text comes. */
  constructor(options: ParserDoorOptions = {}) {
    this.#analysed_bytes = options.analysed_bytes ?? limits.analysed_bytes
    this.#thread_options = {
      worker_file: options.worker_file ?? builtFile('sql/parser-worker.js'),
      deadline_ms: options.deadline_ms ?? limits.parse_deadline_ms,
      heap_mb: options.heap_mb ?? limits.parser_heap_mb,
    }
    this.#on_replaced = options.on_replaced
    this.#cache = new FactCache({
      entries: options.cache_entries ?? limits.fact_cache_entries,
      weight: options.cache_bytes ?? limits.fact_cache_bytes,
    })
    this.#start()
  }

  counters(): ParserDoorCounters {
    return {
      parsed: this.#parsed,
      syntax_errors: this.#syntax_errors,
      unparsed: this.#unparsed,
      replacements: this.#replacements,
      cache_hits: this.#cache_hits,
      cache_misses: this.#cache_misses,
      cache_entries: this.#cache.entries,
      cache_bytes: this.#cache.weight,
      queued: this.#jobs.size,
      queued_bytes: this.#queued_bytes,
    }
  }

  lookup(text: string): FactsTicket {
    const known = this.#cache.get(text)
    if (known !== undefined) {
      this.#cache_hits++
      return known
    }
    this.#cache_misses++
    const job = this.#jobs.get(text)
    if (job !== undefined) return job.ticket
    const obstacle = this.#obstacle(text)
    if (obstacle !== undefined) {
      this.#unparsed++
      return settledTicket(factsWithoutParser(text, obstacle))
    }
    return this.#enqueue(text)
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#restart)
    this.#dropThread()
    for (const { text } of [...this.#jobs.values()]) {
      this.#settle(text, factsWithoutParser(text, closing), false)
    }
    await Promise.all(this.#terminations)
  }

  /** Why a text cannot be given to the parser; undefined when it can. */
  #obstacle(text: string): string | undefined {
    if (this.#closed) return closing
    if (this.#restart !== undefined) return 'the parser cannot be started'
    // Three bytes are the most that one UTF-16 code unit takes in UTF-8.
    const surely_short = text.length * 3 <= this.#analysed_bytes
    if (surely_short || Buffer.byteLength(text) <= this.#analysed_bytes) return undefined
    return `the text is longer than ${this.#analysed_bytes} bytes`
  }

  #enqueue(text: string): FactsTicket {
    const ticket = new PendingTicket()
    const job: Job = { text, ticket, stage: 'analyse', problem: '' }
    this.#jobs.set(text, job)
    this.#queued_bytes += 2 * text.length
    this.#queue.push(job)
    // All texts of one chunk travel together: a message costs more than a short text.
    if (!this.#pump_scheduled) {
      this.#pump_scheduled = true
      queueMicrotask(() => {
        this.#pump_scheduled = false
        this.#pump()
      })
    }
    return ticket
  }

  /** Sends what may be sent. */
  #pump(): void {
    const thread = this.#thread
    while (thread?.ready === true && this.#batches < batches_in_flight && !this.#alone) {
      const from = this.#retries.length > 0 ? this.#retries : this.#queue
      const first = from.peek()
      if (first === undefined) return
      if (first.stage !== 'analyse') {
        if (this.#in_flight.length > 0) return
        this.#alone = true
      }
      const texts = this.#alone ? this.#take(from, 1) : this.#take(from, limits.parser_batch_texts)
      this.#batches++
      thread.post(first.stage === 'redact' ? { texts, given_up: first.problem } : { texts })
    }
  }

  /** Moves texts into flight, at least one, up to the bounds of a batch. */
  #take(from: Fifo<Job>, count: number): string[] {
    const texts: string[] = []
    let chars = 0
    while (texts.length < count) {
      const job = from.peek()
      if (job === undefined) break
      chars += job.text.length
      const fits = chars <= limits.parser_batch_chars && job.stage === 'analyse'
      if (texts.length > 0 && !fits) break
      from.shift()
      this.#in_flight.push(job)
      texts.push(job.text)
    }
    return texts
  }

  #answer(answer: ParserAnswer): void {
    const last = answer.results.length - 1
    for (const [index, facts] of answer.results.entries()) {
      const job = this.#in_flight.shift()
      this.#answered++
      if (job === undefined) continue
      this.#swollen ||= job.text.length >= limits.parser_exchange_chars
      const doubtful = index === last && answer.failure?.doubtful === true
      if (doubtful && job.stage === 'analyse') this.#suspect(job, answer.failure?.problem ?? '')
      else this.#settle(job.text, facts, true)
    }
    if (answer.completes_batch) {
      this.#batches--
      this.#alone = false
    }
    if (answer.failure !== undefined) this.#replace(answer.failure.problem)
    else if (this.#swollen && this.#idle) this.#exchange()
    this.#pump()
  }

  get #idle(): boolean {
    return this.#in_flight.length + this.#retries.length + this.#queue.length === 0
  }

  /** Gives the memory back that a long text took; nothing waits, so nobody notices. */
  #exchange(): void {
    this.#dropThread()
    this.#start()
  }

  /** Puts a text at the end of the queue that a thread failed at, for its next stage. */
  #suspect(job: Job, problem: string): void {
    job.problem = problem
    const again = job.stage === 'analyse' && job.text.length <= limits.retried_chars
    job.stage = again ? 'alone' : 'redact'
    this.#queue.push(job)
  }

  /** The thread died or is stuck: `current` counts the texts posted to it. */
  #failed(problem: string, current: number | undefined): void {
    const came_up = this.#came_up
    const at = Math.max(0, (current ?? this.#answered) - this.#answered)
    const job = this.#in_flight.at(at)
    if (job !== undefined) {
      this.#in_flight.removeAt(at)
      if (job.stage !== 'redact') this.#suspect(job, problem)
      else this.#settle(job.text, unparsedFacts(job.text, 'unparsed', problem, redacted), true)
    }
    if (came_up) this.#replace(problem)
    else this.#rest(problem)
  }

  /** Ends the thread and takes back what it has not answered. */
  #dropThread(): void {
    const thread = this.#thread
    this.#thread = undefined
    if (thread !== undefined) {
      const termination = thread.terminate().finally(() => this.#terminations.delete(termination))
      this.#terminations.add(termination)
    }
    for (let job = this.#retries.shift(); job !== undefined; job = this.#retries.shift()) {
      this.#in_flight.push(job)
    }
    this.#retries = this.#in_flight
    this.#in_flight = new Fifo()
    this.#batches = 0
    this.#answered = 0
    this.#alone = false
  }

  #replace(problem: string): void {
    this.#replacements++
    this.#dropThread()
    this.#on_replaced?.(problem)
    this.#start()
  }

  #start(): void {
    this.#came_up = false
    this.#swollen = false
    this.#thread = new ParserThread(this.#thread_options, {
      ready: () => {
        this.#came_up = true
        this.#start_failures = 0
        this.#pump()
      },
      answer: (answer) => this.#answer(answer),
      failed: (problem, current) => this.#failed(problem, current),
    })
  }

  /** The thread does not even start: nobody waits for it, and it is tried again later. */
  #rest(problem: string): void {
    this.#dropThread()
    this.#on_replaced?.(problem)
    const pause_ms = Math.min(100 * 2 ** this.#start_failures, limits.parser_restart_ms)
    this.#start_failures++
    this.#restart = setTimeout(() => {
      this.#restart = undefined
      this.#start()
    }, pause_ms)
    // The pause alone is no reason for the process to live.
    this.#restart.unref()
    for (const { text } of [...this.#jobs.values()]) {
      this.#settle(text, factsWithoutParser(text, problem), false)
    }
    this.#retries.clear()
    this.#queue.clear()
  }

  /** Publishes the facts of a text; those that only tell of a passing trouble are not kept. */
  #settle(text: string, facts: TextFacts, keep: boolean): void {
    const job = this.#jobs.get(text)
    if (job === undefined) return
    this.#jobs.delete(text)
    this.#queued_bytes -= 2 * text.length
    if (facts.status === 'parsed') this.#parsed++
    else if (facts.status === 'syntax_error') this.#syntax_errors++
    else this.#unparsed++
    if (keep) this.#cache.set(text, facts)
    job.ticket.settle(facts)
  }
}

/**
 * The facts of a text that the parser will never see. They are made in the relay loop, which must
 * not stop for long: of a long text only the beginning is kept.
 */
function factsWithoutParser(text: string, problem: string): TextFacts {
  const whole = text.length <= limits.redacted_here_chars
  const head = whole ? text : text.slice(0, limits.redacted_here_chars)
  const shown = redactUnparsedText(head)
  return unparsedFacts(text, 'unparsed', problem, whole ? shown : `${shown} ${redacted}`)
}

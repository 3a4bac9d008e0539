import { Fifo } from '../lib/fifo.js'
import { limits } from '../lib/limits.js'
import { unparsedFacts } from './analyse-text.js'
import type { TextFacts } from './facts.js'
import type { PendingTicket } from './facts-ticket.js'
import { FairQueue, type Waiting } from './fair-queue.js'
import type { ParserAnswer } from './parser-messages.js'
import { ParserThread, type ParserThreadOptions } from './parser-thread.js'
import { redacted } from './secret-names.js'

/**
 * What is done with a text next. One at which a parser thread died or got stuck is analysed once
 * more, by a new thread and with nothing else in flight, for it may have suffered for another or
 * for a busy machine; should that fail too it is only redacted.
 */
type Stage = 'analyse' | 'alone' | 'redact'

/** One text on its way through a parser thread. */
export class Job implements Waiting {
  readonly text: string
  readonly ticket: PendingTicket
  /** Whoever asked for it, each once: it is in the line of each while it waits. */
  readonly askers: object[] = []
  /** Its shape, when the answer will tell whether other texts share its facts. */
  shape: string | undefined
  /** Texts of that shape, which wait for the answer. */
  readonly followers: Job[] = []
  /** Of a follower: the text whose answer it waits for, and who asked for it. */
  leader: Job | undefined
  readonly wanted_by: object[] = []
  waiting = false
  since_ms = 0
  stage: Stage = 'analyse'
  /** Why a thread failed at it. */
  problem = ''

  constructor(text: string, ticket: PendingTicket) {
    this.text = text
    this.ticket = ticket
  }

  get cost(): number {
    return this.text.length
  }
}

export interface ParserLaneOptions {
  readonly thread: ParserThreadOptions
  /** True to start the thread when the first text comes, and to end it when its memory has grown. */
  readonly lazy: boolean
  /** Time that a text may wait for its turn. */
  readonly wait_ms: number
  /** Characters that may wait before who has more than its share of them is refused. */
  readonly queue_chars: number
  /** Characters of one asker's texts that are taken in a turn. */
  readonly turn_chars: number
}

/** What the owner of a lane hears. */
export interface ParserLaneEvents {
  /** The answer to a text. */
  answered(job: Job, facts: TextFacts): void
  /** These texts get no answer, for this passing reason. */
  refused(jobs: readonly Job[], problem: string): void
  /** The thread had to be replaced, or could not be started. */
  replaced(problem: string, counts: boolean): void
}

/** Batches that the thread may hold: one to work on, one so that it need not wait for this loop. */
const batches_in_flight = 2

/** Texts that are refused at once for having waited too long: each has to be redacted here. */
const expired_at_once = 8

/**
 * A parser thread and the texts that wait for it. Whatever befalls the thread, every text gets an
 * answer or a refusal.
 */
export class ParserLane {
  readonly #options: ParserLaneOptions
  readonly #events: ParserLaneEvents
  readonly #queue: FairQueue<Job>
  /** What was in flight beside the text at which a thread failed; it goes first. */
  #retries = new Fifo<Job>()
  #in_flight = new Fifo<Job>()
  #in_flight_chars = 0
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

  constructor(options: ParserLaneOptions, events: ParserLaneEvents) {
    this.#options = options
    this.#events = events
    this.#queue = new FairQueue(options.turn_chars)
    if (!options.lazy) this.#start()
  }

  /** Why a text of this asker cannot be taken now; undefined when it can. */
  obstacle(asker: object): string | undefined {
    if (this.#restart !== undefined) return 'the parser cannot be started'
    const queue = this.#queue
    const { queue_chars } = this.#options
    if (queue.cost <= queue_chars) return undefined
    // Only who has more than its share waiting is refused, so that nobody is by another's doing.
    const share = queue_chars / Math.max(1, queue.askers)
    return queue.costOf(asker) > share ? 'too many texts wait for the parser' : undefined
  }

  /** Queues a text, or lets one that waits already wait in this asker's line as well. */
  push(job: Job, asker: object): void {
    if (job.askers.includes(asker)) return
    const is_new = job.askers.length === 0
    job.askers.push(asker)
    if (is_new) {
      job.waiting = true
      job.since_ms = performance.now()
    }
    if (!job.waiting) return
    this.#queue.push(asker, job)
    // All texts of one chunk travel together: a message costs more than a short text.
    if (this.#pump_scheduled) return
    this.#pump_scheduled = true
    queueMicrotask(() => {
      this.#pump_scheduled = false
      if (this.#closed) return
      if (this.#thread === undefined && this.#restart === undefined) this.#start()
      this.#pump()
    })
  }

  /** Ends the thread; what waits is forgotten. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#restart)
    this.#dropThread()
    this.#retries.clear()
    this.#queue.clear()
    await Promise.all(this.#terminations)
  }

  /** The text to be sent next. Those that have waited too long are refused, some at a time. */
  #next(): Job | undefined {
    const expired: Job[] = []
    let job = this.#retries.peek() ?? this.#queue.peek()
    while (job !== undefined && expired.length < expired_at_once) {
      if (performance.now() - job.since_ms < this.#options.wait_ms) break
      this.#shift()
      expired.push(job)
      job = this.#retries.peek() ?? this.#queue.peek()
    }
    if (expired.length > 0) {
      this.#events.refused(expired, 'the parser had no time for it')
    }
    return job
  }

  #shift(): void {
    const job = this.#retries.length > 0 ? this.#retries.shift() : this.#queue.shift()
    if (job !== undefined) job.waiting = false
  }

  /** Sends what may be sent. */
  #pump(): void {
    const thread = this.#thread
    while (
      thread?.ready === true &&
      this.#batches < batches_in_flight &&
      this.#in_flight_chars <= limits.parser_batch_chars &&
      !this.#alone
    ) {
      const first = this.#next()
      if (first === undefined) return
      if (first.stage !== 'analyse') {
        if (this.#in_flight.length > 0) return
        // What comes before it must not be what it fails of.
        if (first.stage === 'alone' && this.#answered > 0) {
          this.#dropThread()
          this.#start()
          return
        }
        this.#alone = true
      }
      const texts = this.#take(first, this.#alone ? 1 : limits.parser_batch_texts)
      this.#batches++
      thread.post(first.stage === 'redact' ? { texts, given_up: first.problem } : { texts })
    }
  }

  /** Moves texts into flight, at least one, up to the bounds of a batch. */
  #take(first: Job, count: number): string[] {
    const texts: string[] = []
    let chars = 0
    let job: Job | undefined = first
    while (job !== undefined && texts.length < count) {
      chars += job.text.length
      const fits = chars <= limits.parser_batch_chars && job.stage === 'analyse'
      if (texts.length > 0 && !fits) break
      this.#shift()
      this.#in_flight.push(job)
      this.#in_flight_chars += job.text.length
      texts.push(job.text)
      job = this.#retries.peek() ?? this.#queue.peek()
    }
    return texts
  }

  #answer(answer: ParserAnswer): void {
    const last = answer.results.length - 1
    for (const [index, facts] of answer.results.entries()) {
      const job = this.#in_flight.shift()
      this.#answered++
      if (job === undefined) continue
      this.#in_flight_chars -= job.text.length
      this.#swollen ||= job.text.length >= limits.parser_exchange_chars
      const doubtful = index === last && answer.failure?.doubtful === true
      if (doubtful && job.stage === 'analyse') this.#suspect(job, answer.failure?.problem ?? '')
      else this.#events.answered(job, facts)
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
    if (this.#in_flight.length + this.#retries.length > 0) return false
    return this.#queue.peek() === undefined
  }

  /** Gives the memory back that a long text took; nothing waits, so nobody notices. */
  #exchange(): void {
    this.#dropThread()
    if (!this.#options.lazy) this.#start()
  }

  /** Puts a text back that a thread failed at, for its next stage. */
  #suspect(job: Job, problem: string): void {
    job.problem = problem
    const again = job.stage === 'analyse' && job.text.length <= limits.retried_chars
    job.stage = again ? 'alone' : 'redact'
    job.waiting = true
    // What has begun is brought to its end, however long that took.
    job.since_ms = performance.now()
    for (const asker of job.askers) this.#queue.push(asker, job)
  }

  /** The thread died or is stuck: `current` counts the texts posted to it. */
  #failed(problem: string, current: number | undefined): void {
    const came_up = this.#came_up
    const at = Math.max(0, (current ?? this.#answered) - this.#answered)
    const job = this.#in_flight.at(at)
    if (job !== undefined) {
      this.#in_flight.removeAt(at)
      if (job.stage !== 'redact') this.#suspect(job, problem)
      else this.#events.answered(job, unparsedFacts(job.text, 'unparsed', problem, redacted))
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
    this.#in_flight_chars = 0
    this.#batches = 0
    this.#answered = 0
    this.#alone = false
  }

  #replace(problem: string): void {
    this.#dropThread()
    this.#events.replaced(problem, true)
    this.#start()
  }

  #start(): void {
    this.#came_up = false
    this.#swollen = false
    this.#thread = new ParserThread(this.#options.thread, {
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
    this.#events.replaced(problem, false)
    const pause_ms = Math.min(100 * 2 ** this.#start_failures, limits.parser_restart_ms)
    this.#start_failures++
    this.#restart = setTimeout(() => {
      this.#restart = undefined
      this.#start()
    }, pause_ms)
    // The pause alone is no reason for the process to live.
    this.#restart.unref()
    const jobs: Job[] = []
    for (let job = this.#retries.shift(); job !== undefined; job = this.#retries.shift()) {
      jobs.push(job)
    }
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) {
      job.waiting = false
      jobs.push(job)
    }
    this.#events.refused(jobs, problem)
  }
}

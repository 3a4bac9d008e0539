import { builtFile } from '../lib/built-file.js'
import { limits } from '../lib/limits.js'
import { unparsedFacts } from './analyse-text.js'
import { FactCache } from './fact-cache.js'
import type { FactsSource, FactsTicket, TextFacts } from './facts.js'
import { PendingTicket, settledTicket } from './facts-ticket.js'
import { Job, ParserLane, type ParserLaneEvents } from './parser-lane.js'
import { redactUnparsedText } from './redact.js'
import { mayHoldSecret, redacted } from './secret-names.js'
import { SharedFacts } from './shared-facts.js'
import { ShapeReader } from './text-shape.js'

/** What may be set about the door; what is absent has the value of `limits`. */
export interface ParserDoorOptions {
  /** Longest text that is parsed, in bytes of UTF-8; longer ones are `unparsed` at once. */
  readonly analysed_bytes?: number
  /** Time for one text. */
  readonly deadline_ms?: number
  /** Time that a text waits for the parser at most. */
  readonly wait_ms?: number
  /** Characters that wait for one thread before who has most of them is refused. */
  readonly queue_chars?: number
  readonly cache_entries?: number
  readonly cache_bytes?: number
  /** JavaScript heap of a parser thread, in MiB. */
  readonly heap_mb?: number
  /** The compiled worker. */
  readonly worker_file?: URL
  /** Hears each time that a parser thread had to be replaced, and why. */
  readonly on_replaced?: (problem: string) => void
}

/** Counts since the start, and the state of this moment, for the metrics. */
export interface ParserDoorCounters {
  /** Texts that the parser has answered, by what it said. */
  readonly parsed: number
  readonly syntax_errors: number
  /** Texts that it has not: too long, too much, too late. */
  readonly unparsed: number
  readonly replacements: number
  /** Lookups of texts that are known. */
  readonly cache_hits: number
  /** Lookups of texts that are not known, but share the analysis of one that is. */
  readonly shape_hits: number
  /** All others; each text that is asked for several times before its answer counts as often. */
  readonly cache_misses: number
  readonly cache_entries: number
  readonly cache_shapes: number
  /** Of texts and shapes. */
  readonly cache_bytes: number
  /** Texts that wait for their facts, and their characters in bytes of memory at most. */
  readonly queued: number
  readonly queued_bytes: number
}

const closing = 'pgwitness is stopping'

/** Texts that several refusals at once may show by their beginnings, in characters. */
const shown_at_once_chars = 4 * limits.redacted_here_chars

/**
 * The door to the parser threads. Texts that are known, or have the shape of one that shares its
 * facts, are answered at once; all others go to a thread in batches, each distinct text once.
 * Long texts have a thread of their own, so that none waits for them but their like. Whatever
 * befalls the threads, every ticket gets facts, if only `unparsed` ones.
 */
export class ParserDoor implements FactsSource {
  readonly #cache: FactCache
  readonly #analysed_bytes: number
  readonly #shapes = new ShapeReader()
  /** Jobs by their text, until they are settled. */
  readonly #jobs = new Map<string, Job>()
  /** Jobs by their shape, whose answers will tell whether it is shared. */
  readonly #leaders = new Map<string, Job>()
  readonly #lane: ParserLane
  readonly #long_lane: ParserLane
  #closed = false
  #queued_bytes = 0
  #parsed = 0
  #syntax_errors = 0
  #unparsed = 0
  #replacements = 0
  #cache_hits = 0
  #shape_hits = 0
  #cache_misses = 0

  /** Starts the parser thread, so that it is loaded when the first text comes. */
  constructor(options: ParserDoorOptions = {}) {
    this.#analysed_bytes = options.analysed_bytes ?? limits.analysed_bytes
    this.#cache = new FactCache({
      entries: options.cache_entries ?? limits.fact_cache_entries,
      weight: options.cache_bytes ?? limits.fact_cache_bytes,
    })
    const thread = {
      worker_file: options.worker_file ?? builtFile('sql/parser-worker.js'),
      deadline_ms: options.deadline_ms ?? limits.parse_deadline_ms,
      heap_mb: options.heap_mb ?? limits.parser_heap_mb,
    }
    const wait_ms = options.wait_ms ?? limits.parser_wait_ms
    const events: ParserLaneEvents = {
      answered: (job, facts) => this.#answered(job, facts),
      refused: (jobs, problem) => this.#refuse(jobs, problem),
      replaced: (problem, counts) => {
        if (counts) this.#replacements++
        options.on_replaced?.(problem)
      },
    }
    const queue_chars = options.queue_chars ?? limits.parser_queue_chars
    const shared = { thread, wait_ms, queue_chars }
    const turn_chars = limits.parser_turn_chars
    const long_turn_chars = limits.parser_long_turn_chars
    this.#lane = new ParserLane({ ...shared, lazy: false, turn_chars }, events)
    this.#long_lane = new ParserLane({ ...shared, lazy: true, turn_chars: long_turn_chars }, events)
  }

  counters(): ParserDoorCounters {
    return {
      parsed: this.#parsed,
      syntax_errors: this.#syntax_errors,
      unparsed: this.#unparsed,
      replacements: this.#replacements,
      cache_hits: this.#cache_hits,
      shape_hits: this.#shape_hits,
      cache_misses: this.#cache_misses,
      cache_entries: this.#cache.entries,
      cache_shapes: this.#cache.shapes,
      cache_bytes: this.#cache.weight,
      queued: this.#jobs.size,
      queued_bytes: this.#queued_bytes,
    }
  }

  lookup(text: string, asker: object = this): FactsTicket {
    const known = this.#cache.get(text)
    if (known !== undefined) {
      this.#cache_hits++
      return known
    }
    const shape = this.#sharedShape(text)
    if (typeof shape === 'object') {
      this.#shape_hits++
      return settledTicket(shape)
    }
    this.#cache_misses++
    const job = this.#jobs.get(text)
    if (job !== undefined) {
      this.#askAgain(job, asker)
      return job.ticket
    }
    const obstacle = this.#obstacle(text, asker)
    if (obstacle !== undefined) {
      this.#unparsed++
      return settledTicket(factsWithoutParser(text, obstacle))
    }
    return this.#enqueue(text, asker, shape)
  }

  async close(): Promise<void> {
    this.#closed = true
    const closed = [this.#lane.close(), this.#long_lane.close()]
    this.#refuse([...this.#jobs.values()], closing)
    await Promise.all(closed)
  }

  /**
   * The facts of a text of which only the shape is known, or else the shape, unless it is known to
   * share nothing, or the text has no facts to share: without literals it is the only one, and
   * with a word in them that speaks of a secret it is redacted by itself.
   */
  #sharedShape(text: string): TextFacts | string | undefined {
    const shapes = this.#shapes
    const shape = shapes.read(text)
    if (shape === undefined || shapes.count === 0 || this.#closed) return undefined
    const entry = this.#cache.shape(shape)
    // What stands between the literals of a shape that is shared is known to speak of no secret.
    if (entry === 'own' || (shapes.has_strings && mayHoldSecret(text))) return undefined
    return entry === undefined ? shape : entry.of(text, shapes.ends)
  }

  /** Why a text cannot be given to the parser; undefined when it can. */
  #obstacle(text: string, asker: object): string | undefined {
    if (this.#closed) return closing
    const obstacle = this.#laneOf(text).obstacle(asker)
    if (obstacle !== undefined) return obstacle
    // Three bytes are the most that one UTF-16 code unit takes in UTF-8.
    const surely_short = text.length * 3 <= this.#analysed_bytes
    if (surely_short || Buffer.byteLength(text) <= this.#analysed_bytes) return undefined
    return `the text is longer than ${this.#analysed_bytes} bytes`
  }

  #laneOf(text: string): ParserLane {
    return text.length > limits.parser_batch_chars ? this.#long_lane : this.#lane
  }

  #enqueue(text: string, asker: object, shape: string | undefined): FactsTicket {
    const ticket = new PendingTicket()
    const job = new Job(text, ticket)
    this.#jobs.set(text, job)
    this.#queued_bytes += 2 * text.length
    if (shape !== undefined) {
      const leader = this.#leaders.get(shape)
      if (leader !== undefined) {
        leader.followers.push(job)
        job.leader = leader
        this.#askAgain(job, asker)
        return ticket
      }
      job.shape = shape
      this.#leaders.set(shape, job)
    }
    this.#laneOf(text).push(job, asker)
    return ticket
  }

  /** A text that is asked for already: it comes as soon as it is the turn of either asker. */
  #askAgain(job: Job, asker: object): void {
    const { leader } = job
    if (leader !== undefined && !job.wanted_by.includes(asker)) job.wanted_by.push(asker)
    const first = leader ?? job
    this.#laneOf(first.text).push(first, asker)
  }

  #answered(job: Job, facts: TextFacts): void {
    if (facts.status === 'parsed') this.#parsed++
    else if (facts.status === 'syntax_error') this.#syntax_errors++
    else this.#unparsed++
    this.#cache.set(job.text, facts)
    const { shape } = job
    // Why a text was left unparsed may be another matter for the next one.
    if (shape !== undefined && facts.status !== 'unparsed') {
      const shared = facts.sharing === 'shared' && this.#shapes.read(job.text) === shape
      const { ends, count } = this.#shapes
      this.#cache.setShape(shape, shared ? new SharedFacts(facts, ends, count) : 'own')
    }
    this.#settle(job, facts)
    this.#release(job)
  }

  /** The texts that waited for the answer to one of their shape: it is theirs, or they go on. */
  #release(leader: Job): void {
    if (leader.shape !== undefined) this.#leaders.delete(leader.shape)
    for (const job of leader.followers) {
      job.leader = undefined
      const facts = this.#sharedShape(job.text)
      const obstacle = this.#obstacle(job.text, this)
      if (typeof facts === 'object') {
        this.#shape_hits++
        this.#settle(job, facts)
      } else if (obstacle !== undefined) this.#refuse([job], obstacle)
      else for (const asker of job.wanted_by) this.#laneOf(job.text).push(job, asker)
    }
  }

  #refuse(jobs: readonly Job[], problem: string): void {
    let room = shown_at_once_chars
    for (const job of jobs) {
      if (job.ticket.facts !== undefined) continue
      const facts = factsWithoutParser(job.text, problem, room)
      room = Math.max(0, room - job.text.length)
      this.#unparsed++
      this.#settle(job, facts)
    }
    for (const job of jobs) this.#release(job)
  }

  /** Publishes the facts of a text. */
  #settle(job: Job, facts: TextFacts): void {
    this.#jobs.delete(job.text)
    this.#queued_bytes -= 2 * job.text.length
    job.ticket.settle(facts)
  }
}

/**
 * The facts of a text that the parser will never see. They are made in the relay loop, which must
 * not stop for long: of a long text only the beginning is kept, no more than `room` characters.
 */
function factsWithoutParser(
  text: string,
  problem: string,
  room: number = limits.redacted_here_chars,
): TextFacts {
  const shown_chars = Math.min(room, limits.redacted_here_chars)
  const whole = text.length <= shown_chars
  const head = whole ? text : text.slice(0, shown_chars)
  const shown = redactUnparsedText(head)
  return unparsedFacts(text, 'unparsed', problem, whole ? shown : `${shown} ${redacted}`)
}

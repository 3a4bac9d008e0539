import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { builtFile } from '../lib/built-file.js'
import { ControlWords, type Place, type TrailMemory } from './control-words.js'
import type { RetainOptions, TrailIdentity, TrailLog, TrailOptions } from './trail-options.js'
import type { CloseCommand, WriterCommand, WriterMessage, WriterSetup } from './writer-messages.js'
import type { WriterThreadData } from './writer-thread.js'

/** How often the writer is looked at, at most; more often where it may be silent for less. */
const watch_max_ms = 1_000
const watch_min_ms = 20
/** Looks within `stuck_timeout`. */
const watch_looks = 5

/** Waits before a dead writer is replaced: at once, then doubled up to the longest. */
const restart_min_ms = 50
const restart_max_ms = 5_000

/** A writer that lived this long died of something new. */
const restart_stable_ms = 60_000

const places = {
  file: 'the audit directory',
  log: 'the server log',
} as const satisfies Record<Place, string>

/** What the host of the writer needs of the trail. */
export interface HostParts {
  readonly options: TrailOptions
  readonly memory: TrailMemory
  readonly log: TrailLog
  /** A message of the writer that owns the shared memory now. */
  receive(message: WriterMessage): void
  /** Whether the writer owes something: a sign of life is expected while it does. */
  owing(): boolean
  /** The first writer ended before it had opened a file. */
  failed(reason: string): void
}

interface Writer {
  readonly worker: Worker
  readonly port: MessagePort
  readonly generation: number
}

/**
 * Keeps a writer going: replaces one that dies, and one that is held up in a system call. A thread
 * in a system call cannot be ended, so the shared memory is taken from it instead: when it comes
 * back, if ever, it finds that and ends without having touched anything. Until then its successors
 * stay away from what holds it up. So there are never more than two such threads.
 */
export class WriterHost {
  readonly #parts: HostParts
  readonly #control: ControlWords
  /** As they count now, for the next writer. */
  #options: TrailOptions
  readonly #watch: NodeJS.Timeout
  readonly #watch_ms: number
  /** Where each writer is held up that another one has taken over from. */
  readonly #held_up = new Map<Writer, Place>()
  #writer: Writer
  /** The last one that has ended; it is replaced after a while. */
  #ended_writer: Writer | undefined
  #identity: TrailIdentity | undefined
  #close: CloseCommand | undefined
  #stopped = false
  #started_ms = 0
  #restart_ms = restart_min_ms
  #beats_seen = -1
  #looked_ms: number
  #silent_ms = 0

  constructor(parts: HostParts, directory_warning: string | undefined) {
    this.#parts = parts
    this.#control = new ControlWords(parts.memory.control)
    const { options } = parts
    this.#options = options
    const warning = directory_warning === undefined ? {} : { directory_warning }
    this.#writer = this.#start({ options, generation: 0, ...warning })
    const pace_ms = Math.max(watch_min_ms, options.stuck_timeout_ms / watch_looks)
    this.#watch_ms = Math.min(watch_max_ms, pace_ms)
    this.#looked_ms = performance.now()
    this.#watch = setInterval(() => this.#look(), this.#watch_ms).unref()
  }

  /** True while a writer is held up in a system call. */
  get holds_threads(): boolean {
    return this.#held_up.size > 0
  }

  /** Asks for the end of the trail, also of a writer that is yet to come. */
  close(command: CloseCommand): void {
    this.#close = command
    this.#send(command)
  }

  /** Closed files are judged by this from now on. */
  setRetention(retain: RetainOptions): void {
    this.#options = { ...this.#options, retain }
    this.#send({ kind: 'retain', retain })
  }

  /** The writer has ended for good, or never began: nothing replaces it. */
  stop(): void {
    this.#stopped = true
    clearInterval(this.#watch)
  }

  /** Ends the writer's thread in the middle of whatever it does, as a fault would. For tests. */
  async kill(): Promise<void> {
    await this.#writer.worker.terminate()
  }

  #start(setup: WriterSetup): Writer {
    const { port1, port2 } = new MessageChannel()
    const data: WriterThreadData = { memory: this.#parts.memory, setup, port: port2 }
    const worker = new Worker(builtFile('trail/writer-thread.js'), {
      name: 'pgwitness-trail',
      workerData: data,
      transferList: [port2],
    })
    const writer = { worker, port: port1, generation: setup.generation }
    this.#started_ms = performance.now()
    this.#silent_ms = 0
    port1.on('message', (message: WriterMessage) => this.#receive(writer, message))
    worker.on('error', (error) => {
      this.#parts.log.error({ err: error }, 'the writer of the trail failed')
    })
    // The port closes behind the last message, the thread may end before it is delivered.
    const ended = [new Promise((end) => worker.on('exit', end))]
    ended.push(new Promise((end) => port1.on('close', end)))
    void Promise.all(ended).then(() => this.#ended(writer))
    return writer
  }

  #receive(writer: Writer, message: WriterMessage): void {
    // What a writer had to say before it was held up may be known better by now.
    if (writer !== this.#writer && message.kind !== 'log') return
    if (message.kind === 'opened') this.#identity = message.identity
    this.#parts.receive(message)
  }

  #send(command: WriterCommand): void {
    this.#writer.port.postMessage(command)
    this.#control.command()
  }

  #ended(writer: Writer): void {
    const place = this.#held_up.get(writer)
    if (place !== undefined) {
      this.#held_up.delete(writer)
      this.#control.countHeldUp(place, -1)
      this.#parts.log.warn({}, `${places[place]} has answered the writer that was held up there`)
      return
    }
    if (this.#stopped) return
    this.#ended_writer = writer
    if (this.#identity === undefined) {
      this.#parts.failed('the writer of the trail ended before it had opened a file')
      return
    }
    const lived_ms = performance.now() - this.#started_ms
    if (lived_ms >= restart_stable_ms) this.#restart_ms = restart_min_ms
    const code = 'trail.write_failed'
    this.#parts.log.error({ code, lived_ms }, 'the writer ended and is replaced')
    const identity = this.#identity
    setTimeout(() => this.#replace(identity), this.#restart_ms)
    this.#restart_ms = Math.min(this.#restart_ms * 2, restart_max_ms)
  }

  #replace(identity: TrailIdentity): void {
    const generation = this.#writer.generation + 1
    this.#control.inherit(generation)
    this.#writer = this.#start({ options: this.#options, identity, generation })
    if (this.#close !== undefined) this.#send(this.#close)
    else this.#control.command()
  }

  /**
   * A writer that owes something and shows no sign of life is held up, or gets no time: the former
   * alone can be told for certain. A look that comes late says nothing of the writer.
   */
  #look(): void {
    const now_ms = performance.now()
    const passed_ms = Math.min(now_ms - this.#looked_ms, 2 * this.#watch_ms)
    this.#looked_ms = now_ms
    const beats = this.#control.beats
    const lives = beats !== this.#beats_seen || !this.#parts.owing()
    this.#beats_seen = beats
    this.#silent_ms = lives ? 0 : this.#silent_ms + passed_ms
    if (this.#silent_ms > this.#options.stuck_timeout_ms) this.#fence()
  }

  #fence(): void {
    const writer = this.#writer
    if (writer === this.#ended_writer) return
    const place = this.#control.fence(writer.generation)
    if (place === undefined) return
    this.#held_up.set(writer, place)
    this.#control.countHeldUp(place, 1)
    writer.worker.unref()
    writer.port.unref()
    const silent_ms = Math.round(this.#silent_ms)
    const details = { code: 'trail.write_failed', silent_ms, place: places[place] }
    this.#parts.log.error(details, `the writer is held up: ${places[place]} does not answer`)
    if (this.#identity === undefined) {
      this.#parts.failed(`${places[place]} does not answer`)
      return
    }
    this.#replace(this.#identity)
  }
}

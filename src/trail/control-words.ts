import { SyncCounters, sync_counters_bytes } from './sync-times.js'
import type { TrailState } from './trail.js'

/** The memory that the relay loop and the trail thread share; it outlives a dead writer. */
export interface TrailMemory {
  /** Ring of the records, filled by the relay loop. */
  readonly queue: SharedArrayBuffer
  /** Ring of the trail's own AUDIT records: the writer fills and empties it. */
  readonly notes: SharedArrayBuffer
  readonly control: SharedArrayBuffer
}

/** How the writer rests: `busy` needs no call; `idle` wants the first record, `filling` a full batch. */
export type Rest = 'busy' | 'idle' | 'filling'

const rest_codes = { busy: 0, idle: 1, filling: 2 } as const satisfies Record<Rest, number>
const modes = ['file', 'fallback', 'failed'] as const satisfies readonly TrailState['mode'][]

/** Counters of 64 bits: the writer stores them, both sides read them. */
const counters = {
  /** Number for the next record; behind it are only records that are acknowledged. */
  next_seq: 0,
  /** Records of the queue that are safe. */
  acknowledged: 1,
  /** Records that went to the server log since the start. */
  diverted: 2,
  /** The diversion that goes on: first and last number and count; 0 outside of one. */
  period_from: 3,
  period_to: 4,
  period_records: 5,
  /** How full the file system of the audit directory is, and the water mark that counts. */
  disk_percent: 6,
  disk_mark: 7,
} as const
export type Counter = keyof typeof counters

/** Words of 32 bits, behind the counters. */
const words = {
  rest: 0,
  /** Low 32 bits of the queue position at which a resting writer wants to be called. */
  wake_at: 1,
  mode: 2,
  beat: 3,
  listening: 4,
  commands: 5,
  /** Which writer may touch the shared memory, and the kind of system call that it is in. */
  owner: 6,
  /** Former writers that are held up in system calls on files, and on the server log. */
  held_up_file: 7,
  held_up_log: 8,
  /** How often records could not go to the file any more. */
  failures: 9,
} as const

/** What a system call of the writer is about: the audit directory and its files, or the server log. */
export type Place = 'file' | 'log'

/** The lowest bits of the owner's word; above them is the writer's generation. */
const owner_bits = 2
const call_codes = { file: 1, log: 2 } as const satisfies Record<Place, number>

/** Thrown in a writer that came back from a system call too late: another one has taken over. */
export class FencedError extends Error {
  constructor() {
    super('another writer has taken over')
    this.name = 'FencedError'
  }
}

const counter_bytes = 64
const word_bytes = 64

export function createControl(): SharedArrayBuffer {
  const control = new SharedArrayBuffer(counter_bytes + word_bytes + sync_counters_bytes)
  new BigInt64Array(control)[counters.next_seq] = 1n
  return control
}

/** Typed access to the control words, for both sides. */
export class ControlWords {
  readonly #counters: BigInt64Array
  readonly #words: Int32Array
  readonly syncs: SyncCounters

  constructor(control: SharedArrayBuffer) {
    this.#counters = new BigInt64Array(control, 0, counter_bytes / 8)
    this.#words = new Int32Array(control, counter_bytes, word_bytes / 4)
    this.syncs = new SyncCounters(control, counter_bytes + word_bytes)
  }

  counter(name: Counter): number {
    return Number(Atomics.load(this.#counters, counters[name]))
  }

  setCounter(name: Counter, value: number): void {
    Atomics.store(this.#counters, counters[name], BigInt(value))
  }

  get mode(): TrailState['mode'] {
    return modes[Atomics.load(this.#words, words.mode)] ?? 'failed'
  }

  set mode(mode: TrailState['mode']) {
    const before = Atomics.exchange(this.#words, words.mode, modes.indexOf(mode))
    if (modes[before] === 'file' && mode !== 'file') Atomics.add(this.#words, words.failures, 1)
  }

  get failures(): number {
    return Atomics.load(this.#words, words.failures)
  }

  /** Sign of life: a writer that does not count on is stuck in a system call. */
  beat(): void {
    Atomics.add(this.#words, words.beat, 1)
  }

  get beats(): number {
    return Atomics.load(this.#words, words.beat)
  }

  /**
   * Writer, before each system call. It announces the call, so that the relay loop can take the
   * shared memory from a writer that is held up in one, and from no other.
   */
  enterCall(generation: number, place: Place): void {
    this.beat()
    const idle = generation << owner_bits
    this.#changeOwner(idle, idle | call_codes[place])
  }

  /** Writer, behind each system call: throws a FencedError when the memory was taken from it. */
  leaveCall(generation: number, place: Place): void {
    this.beat()
    const idle = generation << owner_bits
    this.#changeOwner(idle | call_codes[place], idle)
  }

  /**
   * Relay loop: takes the shared memory from a writer that is in a system call, for the writer of
   * the next generation. Answers where it is held up; undefined when it is in no system call.
   */
  fence(generation: number): Place | undefined {
    for (const place of ['file', 'log'] as const) {
      const held = (generation << owner_bits) | call_codes[place]
      const next = (generation + 1) << owner_bits
      if (Atomics.compareExchange(this.#words, words.owner, held, next) === held) return place
    }
    return undefined
  }

  /** Relay loop: the writer's thread has ended, wherever it was; the next one owns the memory. */
  inherit(generation: number): void {
    Atomics.store(this.#words, words.owner, generation << owner_bits)
  }

  /** Whether a former writer is held up there: who tries it as well is held up, too. */
  isHeldUp(place: Place): boolean {
    return Atomics.load(this.#words, heldUpWord(place)) > 0
  }

  /** Relay loop: one more former writer is held up there, or one less. */
  countHeldUp(place: Place, change: 1 | -1): void {
    Atomics.add(this.#words, heldUpWord(place), change)
  }

  /** Whether the relay loop wants a message for each acknowledgement. */
  get listening(): boolean {
    return Atomics.load(this.#words, words.listening) !== 0
  }

  set listening(wanted: boolean) {
    Atomics.store(this.#words, words.listening, wanted ? 1 : 0)
  }

  /** Count of commands (flush, close) so far: a change means that one is waiting. */
  get commands(): number {
    return Atomics.load(this.#words, words.commands)
  }

  /** Relay loop: a command waits, whatever the writer is resting for. */
  command(): void {
    Atomics.add(this.#words, words.commands, 1)
    this.#wake()
  }

  /**
   * Relay loop, after each append: calls the writer when it asked for it. A call is a system call,
   * so the writer asks at most twice a batch: for the first record and for a full batch.
   */
  appended(head: number): void {
    const rest = Atomics.load(this.#words, words.rest)
    if (rest === rest_codes.busy) return
    if (rest === rest_codes.filling) {
      const wake_at = Atomics.load(this.#words, words.wake_at)
      if ((((head | 0) - wake_at) | 0) < 0) return
    }
    this.#wake()
  }

  /**
   * Writer: rests until called, at most `wait_ms`. `still` is asked after the wish is published, so
   * that a record that came in between is not slept over.
   */
  rest(rest: Rest, wait_ms: number, wake_at: number, still: () => boolean): void {
    Atomics.store(this.#words, words.wake_at, wake_at | 0)
    Atomics.store(this.#words, words.rest, rest_codes[rest])
    if (still()) Atomics.wait(this.#words, words.rest, rest_codes[rest], wait_ms)
    Atomics.store(this.#words, words.rest, rest_codes.busy)
  }

  #changeOwner(from: number, to: number): void {
    if (Atomics.compareExchange(this.#words, words.owner, from, to) !== from) {
      throw new FencedError()
    }
  }

  #wake(): void {
    Atomics.store(this.#words, words.rest, rest_codes.busy)
    Atomics.notify(this.#words, words.rest)
  }
}

function heldUpWord(place: Place): number {
  return place === 'file' ? words.held_up_file : words.held_up_log
}

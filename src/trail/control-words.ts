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
} as const

const counter_bytes = 64

export function createControl(): SharedArrayBuffer {
  const control = new SharedArrayBuffer(counter_bytes + 64)
  new BigInt64Array(control)[counters.next_seq] = 1n
  return control
}

/** Typed access to the control words, for both sides. */
export class ControlWords {
  readonly #counters: BigInt64Array
  readonly #words: Int32Array

  constructor(control: SharedArrayBuffer) {
    this.#counters = new BigInt64Array(control, 0, counter_bytes / 8)
    this.#words = new Int32Array(control, counter_bytes)
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
    Atomics.store(this.#words, words.mode, modes.indexOf(mode))
  }

  /** Sign of life: a writer that does not count on is stuck in a system call. */
  beat(): void {
    Atomics.add(this.#words, words.beat, 1)
  }

  get beats(): number {
    return Atomics.load(this.#words, words.beat)
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

  #wake(): void {
    Atomics.store(this.#words, words.rest, rest_codes.busy)
    Atomics.notify(this.#words, words.rest)
  }
}

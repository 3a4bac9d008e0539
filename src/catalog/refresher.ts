/** What is to be run, and who hears of its failures. */
export interface RefresherOptions {
  /** How long after one run the next follows by itself while somebody is interested. */
  readonly refresh_ms: number
  /** One run; it gives how long it took, in milliseconds. */
  run(): Promise<number>
  /** A run was rejected; nobody asks again within the next `retry_ms`. */
  failed(error: unknown, retry_ms: number): void
}

const first_backoff_ms = 500
const max_backoff_ms = 60_000
/** Runs take at most a fifth of the time, however often somebody asks for one. */
const rest_factor = 4
const min_rest_ms = 100

/**
 * Decides when a database's catalogs are read again: on request, but requests share a run, runs
 * keep a distance, failures back off; and by itself while somebody is interested.
 */
export class Refresher {
  readonly #options: RefresherOptions
  /** The run that is under way or waits for the end of the rest. */
  #running: Promise<void> | undefined
  /** The run under way has begun: what happened since may not be in what it reads. */
  #begun = false
  #next: Promise<void> | undefined
  #end_rest: (() => void) | undefined
  #rest: Promise<void> = Promise.resolve()
  #backoff_ms = first_backoff_ms
  #backoff_timer: NodeJS.Timeout | undefined
  #periodic_timer: NodeJS.Timeout | undefined
  #overdue = false
  #interested = false
  #closed = false

  constructor(options: RefresherOptions) {
    this.#options = options
  }

  /**
   * Resolves when a run is over that began after this call. Never rejects. While a failure backs
   * off, and after `close`, it resolves at once.
   */
  request(): Promise<void> {
    if (this.#closed || this.#backoff_timer !== undefined) return Promise.resolve()
    if (this.#running === undefined) {
      this.#running = this.#run()
      return this.#running
    }
    if (!this.#begun) return this.#running
    this.#next ??= this.#running.then(() => {
      this.#next = undefined
      return this.request()
    })
    return this.#next
  }

  /** Whether runs follow by themselves. One that fell due meanwhile is made up for. */
  setInterested(interested: boolean): void {
    this.#interested = interested
    if (interested && this.#overdue) void this.request()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#periodic_timer)
    clearTimeout(this.#backoff_timer)
    this.#end_rest?.()
  }

  async #run(): Promise<void> {
    await this.#rest
    this.#begun = true
    clearTimeout(this.#periodic_timer)
    try {
      if (this.#closed) return
      const duration_ms = await this.#options.run()
      this.#backoff_ms = first_backoff_ms
      this.#startRest(Math.max(min_rest_ms, duration_ms * rest_factor))
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#running = undefined
      this.#begun = false
      this.#plan()
    }
  }

  #fail(error: unknown): void {
    if (this.#closed) return
    const retry_ms = this.#backoff_ms
    this.#backoff_ms = Math.min(retry_ms * 2, max_backoff_ms)
    this.#backoff_timer = setTimeout(() => {
      this.#backoff_timer = undefined
      if (this.#interested) void this.request()
    }, retry_ms)
    this.#backoff_timer.unref()
    this.#options.failed(error, retry_ms)
  }

  #startRest(rest_ms: number): void {
    this.#rest = new Promise((resolve) => {
      this.#end_rest = resolve
      setTimeout(resolve, rest_ms).unref()
    })
  }

  /** The timer runs on without interest, so that many short sessions do not ask more often. */
  #plan(): void {
    this.#overdue = false
    if (this.#closed) return
    this.#periodic_timer = setTimeout(() => {
      this.#overdue = true
      if (this.#interested) void this.request()
    }, this.#options.refresh_ms)
    this.#periodic_timer.unref()
  }
}

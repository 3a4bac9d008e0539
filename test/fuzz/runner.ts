import type { Corpus } from './corpus.js'
import type { Finding, OpenTarget, Target } from './target.js'

export interface RunnerOptions {
  readonly targets: readonly Target[]
  readonly seed: number
  readonly jobs: number
  readonly corpus: Corpus
  say(line: string): void
}

/** A target has its turn for so long, with servers of its own. */
const turn_ms = 60_000
const progress_ms = 30_000
/** Findings of one kind that are made small and kept; more of the same tell nothing new. */
const kept_of_a_kind = 2
/** So many kinds of faults are one: what is wrong is how they are told apart. */
const kinds_max = 40
/** Live bytes beyond this are a leak: what is played needs a tenth of it. */
const heap_max_bytes = 768 * 1024 * 1024

/** Lets the targets take turns, tells how it goes, and keeps what they find. */
export class Runner {
  readonly #options: RunnerOptions
  readonly #next = new Map<string, number>()
  readonly #counts = new Map<string, number>()
  readonly #kinds = new Map<string, number>()
  readonly #begun_ms = performance.now()
  #told_ms = performance.now()
  #findings = 0
  #stopping = false
  #playing = ''

  constructor(options: RunnerOptions) {
    this.#options = options
  }

  /** Stops after the batch that is being played. */
  stop(): void {
    this.#stopping = true
  }

  /** An error that nobody caught is a finding of whatever is being played. */
  uncaught(error: unknown): void {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#findings++
    this.#options.say(`FINDING uncaught, while playing ${this.#playing}: ${stack}`)
  }

  /** Plays for so long; 0 when nothing was found, otherwise 1. */
  async run(longest_ms: number): Promise<number> {
    const { say, seed, jobs } = this.#options
    say(
      `seed ${seed}, ${jobs} sessions at a time; see a case again by --seed ${seed} --only … --case …`,
    )
    const end_ms = this.#begun_ms + longest_ms
    const share_ms = longest_ms / this.#options.targets.length
    while (!this.#stopping && performance.now() < end_ms) {
      for (const target of this.#options.targets) {
        const until_ms = Math.min(end_ms, performance.now() + Math.min(turn_ms, share_ms))
        if (!this.#stopping && performance.now() < until_ms) await this.#turn(target, until_ms)
      }
    }
    this.#progress('done')
    return this.#findings === 0 ? 0 : 1
  }

  /** Plays one case again and tells all of it. */
  async once(number: number): Promise<number> {
    const { targets, seed, jobs, say } = this.#options
    for (const target of targets) {
      this.#playing = target.name
      const open = await target.open({ seed, jobs })
      try {
        const findings = await open.play([number])
        for (const { kind, what } of findings) say(`FINDING ${kind}: ${what}`)
        for (const { file } of findings.slice(0, 1)) say(file)
        this.#findings += findings.length
      } finally {
        await open.close()
      }
    }
    say(`${this.#findings} findings`)
    return this.#findings === 0 ? 0 : 1
  }

  async #turn(target: Target, until_ms: number): Promise<void> {
    const { seed, jobs } = this.#options
    this.#playing = target.name
    try {
      const open = await target.open({ seed, jobs })
      try {
        await this.#playUntil(target.name, open, until_ms)
      } finally {
        for (const [name, count] of Object.entries(open.counts())) {
          if (count > 0) this.#count(`${target.name} ${name}`, count)
        }
        await open.close()
      }
    } catch (error) {
      // Ctrl-C goes to the scratch server as well, which takes its sessions along.
      if (!this.#stopping) this.uncaught(error)
    }
    const { heapUsed } = process.memoryUsage()
    if (heapUsed > heap_max_bytes) this.uncaught(new Error(`${heapUsed} bytes of heap in use`))
  }

  async #playUntil(name: string, open: OpenTarget, until_ms: number): Promise<void> {
    while (!this.#stopping && performance.now() < until_ms) {
      const from = this.#next.get(name) ?? 0
      this.#next.set(name, from + open.batch)
      const numbers = Array.from({ length: open.batch }, (_, index) => from + index)
      this.#playing = `${name} ${from}–${from + open.batch - 1}`
      const findings = await open.play(numbers)
      if (this.#stopping) return
      this.#count(`${name} cases`, open.batch)
      for (const finding of findings) await this.#keep(name, open, finding)
      if (performance.now() - this.#told_ms > progress_ms) this.#progress(name)
    }
  }

  async #keep(target: string, open: OpenTarget, finding: Finding): Promise<void> {
    const { seed, say, corpus } = this.#options
    this.#findings++
    const kind = `${target}: ${finding.kind}`
    const known = this.#kinds.get(kind) ?? 0
    this.#kinds.set(kind, known + 1)
    if (known >= kept_of_a_kind || this.#kinds.size > kinds_max) return
    const { number, what } = finding
    say(`FINDING ${kind}, --seed ${seed} --only ${target} --case ${number}: ${what.slice(0, 800)}`)
    const smallest = this.#stopping ? finding : await open.reduce(finding)
    const remarks = [`${finding.kind}, found by --seed ${seed} --case ${number}`]
    const name = `found-${finding.kind.replace(/[^a-z]+/gi, '-')}-${seed}-${number}`
    say(`kept in ${corpus.save(target, name, remarks, smallest.file)}`)
  }

  #count(name: string, by = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by)
  }

  #progress(now: string): void {
    this.#told_ms = performance.now()
    const minutes = ((this.#told_ms - this.#begun_ms) / 60_000).toFixed(1)
    const { heapUsed, rss } = process.memoryUsage()
    const memory = `${Math.round(heapUsed / 2 ** 20)} MiB of heap, ${Math.round(rss / 2 ** 20)} MiB in all`
    const counts = [...this.#counts].map(([name, count]) => `${name} ${count}`).join(', ')
    const kinds = [...this.#kinds].map(([kind, count]) => `${kind} ×${count}`).join(', ')
    this.#options.say(
      `${minutes} min, ${now}: ${counts}; ${memory}; ${this.#findings} findings${kinds === '' ? '' : ` (${kinds})`}`,
    )
  }
}

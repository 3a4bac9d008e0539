import { caseSeed, Random } from '../random.js'
import { reduceList } from '../reduce.js'
import { type Line, parseScript, printScript, type Script } from '../script.js'
import type { Finding, OpenTarget, Target, TargetOptions } from '../target.js'
import { Arena } from './arena.js'
import { type Fault, judge } from './judge.js'

const attempts = 80

/** A target that plays scripts against a real server and judges them by its log. */
export function liveTarget(
  name: string,
  batch: number,
  generate: (random: Random) => Script,
): Target {
  return { name, open: (options) => LiveTarget.open(name, batch, generate, options) }
}

class LiveTarget implements OpenTarget {
  readonly batch: number
  readonly #name: string
  readonly #generate: (random: Random) => Script
  readonly #seed: number
  readonly #arena: Arena
  #sessions = 0
  #statements = 0
  #played = 0

  private constructor(
    name: string,
    batch: number,
    generate: (random: Random) => Script,
    seed: number,
    arena: Arena,
  ) {
    this.#name = name
    this.batch = batch
    this.#generate = generate
    this.#seed = seed
    this.#arena = arena
  }

  static async open(
    name: string,
    batch: number,
    generate: (random: Random) => Script,
    { seed, jobs }: TargetOptions,
  ): Promise<LiveTarget> {
    return new LiveTarget(name, batch, generate, seed, await Arena.open(jobs))
  }

  counts() {
    return {
      sessions: this.#sessions,
      statements: this.#statements,
      crashes_of_the_server: this.#arena.crashes,
    }
  }

  async close(): Promise<void> {
    await this.#arena.close()
  }

  async play(numbers: readonly number[]): Promise<readonly Finding[]> {
    const scripts = numbers.map((number) =>
      this.#generate(new Random(caseSeed(this.#seed, this.#name, number))),
    )
    const faults = await this.#judged(scripts)
    return numbers.flatMap((number, index) =>
      (faults[index] ?? []).map(({ kind, what }): Finding => {
        const script = scripts[index]
        return { number, kind, what, file: script === undefined ? '' : printScript(script) }
      }),
    )
  }

  async replay(files: readonly string[]): Promise<readonly (readonly string[])[]> {
    const judged = await this.#judged(files.map(parseScript))
    return judged.map((faults) => faults.map(({ kind, what }) => `${kind}: ${what}`))
  }

  async reduce(finding: Finding): Promise<Finding> {
    let script = parseScript(finding.file)
    const shows = async (other: Script) => {
      const [faults = []] = await this.#judged([other])
      return faults.some(({ kind }) => kind === finding.kind)
    }
    // What depends on the moment is kept as it was.
    if (!(await shows(script))) return finding
    if (await shows({ ...script, cut: 0 })) script = { ...script, cut: 0 }
    const fewer = (lines: readonly Line[]) => shows({ ...script, lines })
    script = { ...script, lines: await reduceList(script.lines, fewer, attempts) }
    return { ...finding, file: printScript(script) }
  }

  /** Faults of each script, in their order. */
  async #judged(scripts: readonly Script[]): Promise<readonly (readonly Fault[])[]> {
    const cases = scripts.map((script) => {
      this.#played++
      return { name: `case-${this.#played}`, script }
    })
    const runs = await this.#arena.play(cases)
    const faults = new Map<string, readonly Fault[]>()
    for (const run of runs) {
      const verdict = judge(run)
      this.#sessions++
      this.#statements += verdict.statements
      faults.set(run.name, verdict.faults)
    }
    return cases.map(({ name }) => faults.get(name) ?? [])
  }
}

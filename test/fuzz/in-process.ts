import { caseSeed, Random } from './random.js'
import { reduceList } from './reduce.js'
import type { Finding, OpenTarget, TargetOptions } from './target.js'

/** What a target says that needs no sockets: its cases are texts, as they lie in the corpus. */
export interface InProcess {
  readonly batch: number
  generate(random: Random): string
  faultsOf(file: string): Promise<readonly string[]>
  /** The parts of a case that may be left out to make it smaller; the first one stays. */
  pieces(file: string): readonly string[]
  whole(pieces: readonly string[]): string
  close?(): Promise<void>
}

const attempts = 400
const remarks = /^#.*\n/gm

/** The kind of a fault: its words before the colon, without numbers. */
function kindOf(fault: string): string {
  return (fault.split(':')[0] ?? '').replace(/\d+/g, '').trim()
}

/** Plays cases within this process. */
export class InProcessTarget implements OpenTarget {
  readonly batch: number
  readonly #name: string
  readonly #seed: number
  readonly #parts: InProcess
  #cases = 0

  constructor(name: string, { seed }: TargetOptions, parts: InProcess) {
    this.#name = name
    this.#seed = seed
    this.#parts = parts
    this.batch = parts.batch
  }

  async play(numbers: readonly number[]): Promise<readonly Finding[]> {
    const findings: Finding[] = []
    for (const number of numbers) {
      const file = this.#parts.generate(new Random(caseSeed(this.#seed, this.#name, number)))
      this.#cases++
      for (const what of await this.#parts.faultsOf(file)) {
        findings.push({ number, kind: kindOf(what), what, file })
      }
    }
    return findings
  }

  async reduce(finding: Finding): Promise<Finding> {
    const { pieces, whole } = this.#parts
    const [first, ...rest] = pieces(finding.file)
    if (first === undefined) return finding
    const shows = async (fewer: readonly string[]) => {
      const faults = await this.#parts.faultsOf(whole([first, ...fewer]))
      return faults.some((fault) => kindOf(fault) === finding.kind)
    }
    return { ...finding, file: whole([first, ...(await reduceList(rest, shows, attempts))]) }
  }

  async replay(files: readonly string[]): Promise<readonly (readonly string[])[]> {
    const faults: (readonly string[])[] = []
    for (const file of files) faults.push(await this.#parts.faultsOf(file.replace(remarks, '')))
    return faults
  }

  counts() {
    return { checked: this.#cases }
  }

  async close(): Promise<void> {
    await this.#parts.close?.()
  }
}

import { closeSync, openSync, readdirSync, readSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { auditFiles } from '../../../src/trail/file-name.js'

const chunk_bytes = 1024 * 1024
const newline = 0x0a
const patience_ms = 20_000
const poll_ms = 50

/** How many statements of an application the trail may be asked for, by the start of their texts. */
export interface Wanted {
  readonly application: string
  readonly texts: readonly string[]
  readonly count: number
}

/**
 * Counts records in a trail that is being written, each line once, and removes the files that are
 * full and counted: a benchmark fills disks.
 */
export class TrailCount {
  readonly #directory: string
  /** How far each file has been read. */
  readonly #read = new Map<string, number>()

  constructor(directory: string) {
    this.#directory = directory
  }

  /** Reads on until that many statements are found, or for a while; gives the number found. */
  async expect(wanted: Wanted): Promise<number> {
    const deadline_ms = performance.now() + patience_ms
    let found = this.#count(wanted)
    while (found < wanted.count && performance.now() < deadline_ms) {
      await sleep(poll_ms)
      found += this.#count(wanted)
    }
    // One record too many is as wrong as one too few, and comes later.
    await sleep(2 * poll_ms)
    found += this.#count(wanted)
    this.#removeCounted()
    return found
  }

  #count(wanted: Wanted): number {
    let found = 0
    for (const name of this.#files()) {
      this.#readLines(name, (line) => {
        if (isWanted(line, wanted)) found++
      })
    }
    return found
  }

  #files(): readonly string[] {
    return auditFiles(readdirSync(this.#directory)).map(({ name }) => name)
  }

  #readLines(name: string, take: (line: string) => void): void {
    const file = openSync(join(this.#directory, name), 'r')
    try {
      let offset = this.#read.get(name) ?? 0
      const buffer = Buffer.allocUnsafe(chunk_bytes)
      for (;;) {
        const length = readSync(file, buffer, 0, chunk_bytes, offset)
        const end = buffer.subarray(0, length).lastIndexOf(newline) + 1
        if (end === 0) break
        const text = buffer.toString('utf8', 0, end)
        for (const line of text.split('\n')) take(line)
        offset += end
      }
      this.#read.set(name, offset)
    } finally {
      closeSync(file)
    }
  }

  #removeCounted(): void {
    for (const name of this.#files().slice(0, -1)) {
      rmSync(join(this.#directory, name))
      this.#read.delete(name)
    }
  }
}

/** The application's name is in hardly any line of another run, which then need not be parsed. */
function isWanted(line: string, { application, texts }: Wanted): boolean {
  if (!line.includes(`"${application}"`)) return false
  const record: {
    readonly session?: { readonly application?: string }
    readonly statement?: { readonly text: string }
    readonly outcome?: string
  } = JSON.parse(line)
  const { session, statement, outcome } = record
  if (session?.application !== application || outcome !== 'success') return false
  return statement !== undefined && texts.some((text) => statement.text.startsWith(text))
}

import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { parseAuditFileName } from './file-name.js'
import type { Findings } from './findings.js'
import { readSeal, type Seal } from './seal.js'

const chunk_bytes = 64 * 1024

/**
 * Whether every seal that the anchor knows is in the trail. Anchor and trail are read side by side,
 * both in the order of the chain, so that neither is held in memory. The anchor may lack seals.
 */
export class AnchorCheck {
  readonly #findings: Findings
  readonly #lines: AsyncGenerator<string>
  readonly #file: FileHandle
  readonly #missing: { first?: Seal; count: number } = { count: 0 }
  readonly #passed_over = new Set<string>()
  #next: Seal | undefined
  #trail: string | undefined
  #seen = 0
  #foreign: string | undefined

  private constructor(findings: Findings, file: FileHandle, size: number) {
    this.#findings = findings
    this.#file = file
    this.#lines = linesOf(file, size)
  }

  /** Opens the anchor; what is appended to it later is left out, since the trail is read later. */
  static async open(path: string, findings: Findings): Promise<AnchorCheck> {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const { size } = await file.stat()
    return new AnchorCheck(findings, file, size)
  }

  /** Takes the next seals of the trail, in its order. */
  async take(seals: readonly Seal[]): Promise<void> {
    for (const seal of seals) {
      if (this.#trail === undefined) {
        this.#trail = seal.trail
        await this.#advance()
        // What retention removed is known to the anchor alone.
        while (this.#next !== undefined && fileNumber(this.#next) < fileNumber(seal)) {
          await this.#advance()
        }
      }
      while (this.#next !== undefined && isBefore(this.#next, seal)) await this.#miss(this.#next)
      const { hash } = this.#next ?? {}
      if (hash === undefined || !this.#isAt(seal)) continue
      if (hash === seal.hash) await this.#advance()
      else await this.#miss(this.#next)
    }
  }

  /** The seals of this file are not shown. */
  passOver(file: string): void {
    this.#passed_over.add(file)
  }

  /** Tells what the anchor knows and the trail does not. */
  async finish(): Promise<void> {
    if (this.#trail === undefined) await this.#advance()
    const { first, count } = this.#missing
    if (first !== undefined) {
      const text = `${count} seals that the anchor knows are not in the trail: files were rolled back, removed or sealed again`
      const { file, from, to } = first
      this.#findings.add({ kind: 'altered', file, bytes: [from, to], text })
    }
    await this.#finishBehind()
    await this.#file.close()
  }

  async #finishBehind(): Promise<void> {
    const first = this.#next
    let count = 0
    for (; this.#next !== undefined; await this.#advance()) count++
    if (first !== undefined) {
      const text = `the anchor knows ${count} seals behind the end of the trail, the first of ${first.time}: the newest records or files are missing`
      const { file, from, to } = first
      this.#findings.add({ kind: 'altered', file, bytes: [from, to], text })
    }
    if (this.#seen > 0) return
    const which = this.#foreign === undefined ? '' : ` (it knows ${this.#foreign})`
    const text = `the anchor holds no seal of this trail, ${this.#trail ?? 'which has none'}${which}`
    this.#findings.add({ kind: 'unverifiable', text })
  }

  #isAt(seal: Seal): boolean {
    return this.#next !== undefined && !isBefore(seal, this.#next)
  }

  async #miss(seal: Seal | undefined): Promise<void> {
    if (seal !== undefined && !this.#passed_over.has(seal.file)) {
      this.#missing.first ??= seal
      this.#missing.count++
    }
    await this.#advance()
  }

  async #advance(): Promise<void> {
    for (;;) {
      const { value, done } = await this.#lines.next()
      this.#next = undefined
      if (done === true) return
      const seal = parseSeal(value)
      if (seal === undefined) {
        this.#findings.add({ kind: 'gap', text: 'a line of the anchor is no seal' })
      } else if (this.#trail === undefined || seal.trail === this.#trail) {
        this.#seen++
        this.#next = seal
        return
      } else this.#foreign = seal.trail
    }
  }
}

function parseSeal(line: string): Seal | undefined {
  try {
    return readSeal(JSON.parse(line))
  } catch {
    return undefined
  }
}

function fileNumber({ file }: Seal): number {
  return parseAuditFileName(file)?.number ?? 0
}

/** Whether one seal stands before the other in the order of the trail. */
function isBefore(one: Seal, other: Seal): boolean {
  const difference = fileNumber(one) - fileNumber(other)
  return difference < 0 || (difference === 0 && one.to < other.to)
}

/** The whole lines of a file up to a size. */
async function* linesOf(file: FileHandle, size: number): AsyncGenerator<string> {
  let rest = ''
  for (let position = 0; position < size; ) {
    const length = Math.min(chunk_bytes, size - position)
    const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, position)
    if (bytesRead === 0) break
    position += bytesRead
    // Seals are plain ASCII, so that a chunk may be cut anywhere.
    const lines = (rest + buffer.toString('latin1', 0, bytesRead)).split('\n')
    rest = lines.pop() ?? ''
    yield* lines.filter((line) => line !== '')
  }
}

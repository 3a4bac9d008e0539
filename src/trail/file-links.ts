import type { Findings } from './findings.js'
import type { AuditLine } from './read-audit-line.js'
import type { Predecessor } from './trail-file.js'
import type { WalkedFile } from './walk-file.js'

/** The commands that a file may begin with. */
const openers: readonly string[] = [
  'audit.start',
  'audit.recovered',
  'audit.resume',
  'audit.rotate',
]

/** True for the first record of a file that takes over from one that failed. */
export function followsFailure(head: AuditLine | undefined): boolean {
  return head?.command === 'audit.recovered' || head?.command === 'audit.resume'
}

/** What the first record of a file says of the file before it. */
export function predecessorOf(head: AuditLine | undefined): Partial<Predecessor> | undefined {
  const previous = head?.detail['previous']
  return typeof previous === 'object' && previous !== null ? previous : undefined
}

/** A file that is read to its end. */
export interface ReadFile extends WalkedFile {
  readonly name: string
}

/** Whether the files of a trail follow each other as their first records say. */
export class FileLinks {
  readonly #findings: Findings
  readonly #names: Set<string>
  readonly #expired = new Set<string>()
  /** Files that the open one says were removed, until a seal has covered that. */
  #claimed: string[] = []
  /** Files that are named and not there, by the file that names them. */
  readonly #missing = new Map<string, string>()
  readonly #empty = new Set<string>()
  #before: ReadFile | undefined
  /** The file that the last one names as its successor. */
  #next: string | undefined

  constructor(findings: Findings, names: readonly string[]) {
    this.#findings = findings
    this.#names = new Set(names)
  }

  get next(): string | undefined {
    return this.#next
  }

  /** `kind` is `gap` where nothing follows that could tell why. */
  addEmpty(name: string, kind: 'gap' | 'note'): void {
    this.#empty.add(name)
    const text = 'the file is empty: a start or a rotation that was cut short leaves such a one'
    this.#findings.add({ kind, file: name, text })
  }

  addExpired(name: unknown): void {
    if (typeof name === 'string') this.#claimed.push(name)
  }

  /** A seal covers what the file holds so far. The writer removes nothing before. */
  sealed(): void {
    for (const name of this.#claimed) this.#expired.add(name)
    this.#claimed = []
  }

  /** Leaves out a file that was removed after all files were listed. */
  passOver(name: string): void {
    this.#names.delete(name)
    this.#expired.add(name)
    this.#before = undefined
  }

  closedWith(next: unknown): void {
    this.#next = typeof next === 'string' ? next : undefined
  }

  /** Takes the first record of a file. */
  begin(name: string, head: AuditLine | undefined, bytes: [number, number]): void {
    this.#next = undefined
    this.#claimed = []
    if (head === undefined || !openers.includes(head.command)) {
      const text = 'the file does not begin with the record that names the file before it'
      this.#findings.add({ kind: 'altered', file: name, bytes, text })
      return
    }
    const previous = predecessorOf(head)
    const before = this.#before
    if (previous?.file === undefined) {
      if (before === undefined) return
      const text = `the file does not name ${before.name}, which stands before it`
      this.#findings.add({ kind: 'altered', file: name, bytes, text })
    } else if (previous.file === before?.name) this.#compare(before, previous, name)
    else this.#otherBefore(name, previous.file, bytes)
  }

  /** Takes what a file was found to hold. */
  end(file: ReadFile): void {
    this.#before = file
  }

  finish(): void {
    for (const [name, by] of this.#missing) {
      if (this.#expired.has(name)) continue
      const text = `the file is missing; ${by} follows it, and no sealed audit.expire record tells of its removal`
      this.#findings.add({ kind: 'altered', file: name, text })
    }
  }

  #otherBefore(name: string, previous: string, bytes: [number, number]): void {
    if (!this.#names.has(previous)) {
      this.#missing.set(previous, name)
      return
    }
    const text = this.#empty.has(previous)
      ? `${previous}, the file before it, is empty now`
      : `the file names ${previous} as the one before it: files were renamed, swapped or put in`
    this.#findings.add({ kind: 'altered', file: name, bytes, text })
  }

  #compare(before: ReadFile, previous: Partial<Predecessor>, by: string): void {
    const file = before.name
    const whole = before.bytes
    if (before.torn_bytes > 0) {
      const known = previous.torn_bytes === before.torn_bytes
      const bytes: [number, number] = [whole, whole + before.torn_bytes]
      const text = `${before.torn_bytes} bytes stand behind the last whole record`
      this.#findings.add({ kind: known ? 'gap' : 'altered', file, bytes, text })
    }
    if (previous.bytes !== undefined && previous.bytes !== whole) {
      const cut = previous.bytes > whole
      const text = `${by} says that the file has ${previous.bytes} bytes: ${cut ? 'its end was cut off' : 'something was added to it'}`
      const bytes: [number, number] = cut ? [whole, previous.bytes] : [previous.bytes, whole]
      this.#findings.add({ kind: 'altered', file, bytes, text })
    } else if (previous.sha256 === undefined) {
      const text = `${by} has no hash of the file, which could not be read when it was begun`
      this.#findings.add({ kind: 'gap', file, text })
    } else if (previous.sha256 !== before.sha256) {
      const text = `its SHA-256 is not the one that ${by} names`
      this.#findings.add({ kind: 'altered', file, bytes: [0, whole], text })
    }
  }
}

import type { KeyObject } from 'node:crypto'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { AnchorCheck } from './anchor-check.js'
import { ChainCheck, type SealedFile } from './chain-check.js'
import { lockHolder } from './directory-lock.js'
import { checkDiverted } from './diverted-check.js'
import { FileHasher } from './file-hash.js'
import { FileLinks, followsFailure, predecessorOf } from './file-links.js'
import { auditFiles, parseAuditFileName } from './file-name.js'
import { Findings } from './findings.js'
import { HeadReader } from './head-reader.js'
import { type AuditLine, readAuditLine } from './read-audit-line.js'
import { readSeal, type Seal } from './seal.js'
import { isWrittenAs } from './seal-line.js'
import { type DivertedRange, SequenceCheck } from './sequence-check.js'
import { SignatureCheck } from './signature-check.js'
import { checkTorn, type TornClaim } from './torn-check.js'
import { FileWalk, type WalkedRecord } from './walk-file.js'
import { errnoOf } from './write-failure.js'

export interface VerifyOptions {
  readonly directory: string
  /** Public keys, any of which may have signed. */
  readonly keys: readonly KeyObject[]
  /** Seals without signatures are no fault. */
  readonly unsigned: boolean
  readonly anchor?: string
  readonly server_log?: string
  readonly now_ms: number
  readonly progress?: (done_bytes: number, total_bytes: number) => void
}

export interface VerifyReport {
  readonly findings: Findings
  readonly files: number
  readonly bytes: number
  readonly records: number
  readonly seals: number
  readonly signed: number
  /** What the last seal vouches for: everything up to this byte of this file. */
  readonly last: Seal | undefined
  readonly live: boolean
}

/** Checks a trail, reading each file once. Throws the system's error when it cannot be read. */
export async function verifyTrail(options: VerifyOptions): Promise<VerifyReport> {
  return await new TrailCheck(options).run()
}

class TrailCheck {
  readonly #options: VerifyOptions
  readonly #findings = new Findings()
  readonly #chain = new ChainCheck(this.#findings)
  readonly #sequence = new SequenceCheck(this.#findings)
  readonly #signatures: SignatureCheck
  readonly #hasher = new FileHasher()
  readonly #heads = new HeadReader()
  readonly #diverted: DivertedRange[] = []
  /** How many of them are of earlier starts. */
  #diverted_before = 0
  readonly #torn: TornClaim[] = []
  #links = new FileLinks(this.#findings, [])
  #anchor: AnchorCheck | undefined
  /** Seals that the anchor has not been asked about. */
  #new_seals: Seal[] = []
  #epoch = 0
  #records = 0
  /** Place of the last record that names the next file. */
  #rotated_at = 0
  /** Place of the last record that says that a file is full. */
  #fallback_at = 0
  /** The file behind which records went to the server log, until a record names them. */
  #diverted_behind: string | undefined
  #done_bytes = 0
  #live = false

  constructor(options: VerifyOptions) {
    this.#options = options
    this.#signatures = new SignatureCheck(this.#findings, options.keys, options.unsigned)
  }

  async run(): Promise<VerifyReport> {
    try {
      return await this.#run()
    } finally {
      await this.#hasher.close()
    }
  }

  async #run(): Promise<VerifyReport> {
    const { directory, anchor, server_log } = this.#options
    this.#live = (await lockHolder(directory)) !== undefined
    if (anchor !== undefined) this.#anchor = await AnchorCheck.open(anchor, this.#findings)
    const names = auditFiles(await readdir(directory)).map(({ name }) => name)
    this.#links = new FileLinks(this.#findings, names)
    const sizes = await sizesOf(directory, names)
    const total_bytes = sizes.reduce((sum, size) => sum + size, 0)
    // What a crash in the middle of a rotation leaves behind the last records is empty.
    const newest = sizes.findLastIndex((size) => size > 0)
    for (const [index, name] of names.entries()) {
      await this.#checkFile(name, index >= newest, total_bytes)
    }
    if (this.#chain.seals === 0) {
      this.#findings.add({ kind: 'unverifiable', text: 'the trail holds no seal' })
    }
    this.#links.finish()
    this.#tellUnnamed()
    this.#sequence.finish(this.#diverted)
    await checkTorn(directory, this.#torn, this.#findings)
    await checkDiverted(this.#diverted, server_log, this.#findings)
    this.#signatures.finish()
    await this.#anchor?.finish()
    return {
      findings: this.#findings,
      files: names.length,
      bytes: this.#done_bytes,
      records: this.#records,
      seals: this.#chain.seals,
      signed: this.#signatures.good,
      last: this.#chain.last,
      live: this.#live,
    }
  }

  async #checkFile(name: string, is_newest: boolean, total_bytes: number): Promise<void> {
    const { directory, progress } = this.#options
    let walk: FileWalk
    try {
      walk = await FileWalk.open(join(directory, name), this.#hasher)
    } catch (error) {
      if (!this.#live || errnoOf(error) !== 'ENOENT') throw error
      this.#passOver(name)
      return
    }
    try {
      if (walk.size === 0) {
        this.#links.addEmpty(name, is_newest && !this.#live ? 'gap' : 'note')
        return
      }
      const state: { file?: SealedFile } = {}
      const read = await walk.read(
        (record) => {
          state.file ??= this.#begin(name, record)
          this.#record(state.file, record, walk)
        },
        async (bytes) => {
          this.#done_bytes += bytes
          progress?.(this.#done_bytes, total_bytes)
          await this.#anchor?.take(this.#new_seals)
          this.#new_seals = []
        },
      )
      this.#links.end({ name, ...read })
      this.#checkEnd(name, state.file, read, is_newest)
      if (is_newest && state.file !== undefined) await this.#checkNewest(name)
    } finally {
      await walk.close()
    }
  }

  /** Retention goes on while we read. The record of it may stand in a file that came later. */
  #passOver(name: string): void {
    const text =
      'the file was removed while the trail was read: verify again whether a record says so'
    this.#findings.add({ kind: 'note', file: name, text })
    this.#links.passOver(name)
    this.#chain.passOver()
    this.#sequence.passOver()
    this.#anchor?.passOver(name)
  }

  #begin(name: string, { line, format, from, to }: WalkedRecord): SealedFile {
    const head = readAuditLine(line, format)
    this.#links.begin(name, head, [from, to])
    return {
      name,
      is_first: predecessorOf(head) === undefined,
      repeats: followsFailure(head),
      sealed_to: 0,
      seal_end: 0,
      first_seq: 0,
      last_seq: 0,
      closed: false,
    }
  }

  #record(file: SealedFile, record: WalkedRecord, walk: FileWalk): void {
    const { bytes, start, end, format, from, to } = record
    this.#records++
    if (file.closed) {
      const text = 'records stand behind the seal that closed the file'
      this.#findings.add({ kind: 'altered', file: file.name, bytes: [from, to], text })
      file.closed = false
    }
    if (format === 'json') {
      const head = this.#heads
      if (!head.readJson(bytes, start, end)) {
        const text = 'these bytes are no record'
        this.#findings.add({ kind: 'altered', file: file.name, bytes: [from, to], text })
        return
      }
      this.#epoch = head.epoch
      this.#sequence.take(file.name, head, record, file.repeats)
      if (file.first_seq === 0) file.first_seq = head.seq
      file.last_seq = head.seq
      if (!head.may_be_audit) return
    } else if (!HeadReader.mayBeAuditCsv(bytes, start, end)) return
    const audit = readAuditLine(record.line, format)
    if (audit === undefined) return
    if (audit.command === 'audit.seal') this.#seal(file, record, audit, walk)
    else this.#note(file, audit)
  }

  #seal(file: SealedFile, record: WalkedRecord, audit: AuditLine, walk: FileWalk): void {
    const { from, to } = record
    const seal = readSeal(audit.detail)
    const bytes: [number, number] = [from, to]
    if (seal === undefined) {
      const text = 'a seal is malformed'
      this.#findings.add({ kind: 'altered', file: file.name, bytes, text })
      return
    }
    if (!isWrittenAs(record, seal, file.last_seq)) {
      const text = 'the line of a seal is not as it was written'
      this.#findings.add({ kind: 'altered', file: file.name, bytes, text })
    }
    this.#epoch = Math.max(this.#epoch, seal.epoch)
    const sealed_seq = file.last_seq
    const placed = this.#chain.take(seal, file, bytes, () => walk.takeRange(from))
    if (!placed) return
    // A rotation that failed is on record as well, but only the last record before the seal counts.
    if (this.#records !== this.#rotated_at + 1) this.#links.closedWith(undefined)
    // The line of the seal is the first record of the next range.
    file.first_seq = sealed_seq
    const ends_full = seal.closing === true && this.#records === this.#fallback_at + 1
    if (ends_full) this.#diverted_behind = file.name
    this.#links.sealed()
    this.#signatures.take(seal, { file: file.name, bytes })
    if (this.#anchor !== undefined) this.#new_seals.push(seal)
  }

  /** Records by which the trail tells what became of other records and files. */
  #note(file: SealedFile, { command, detail }: AuditLine): void {
    if (command === 'audit.start') {
      this.#diverted_before = this.#diverted.length
      this.#tellUnnamed()
    }
    if (command === 'audit.fallback') this.#fallback_at = this.#records
    const names_diverted = command === 'audit.recovered' && detail['of'] === undefined
    if (names_diverted || command === 'audit.resume') this.#diverted_behind = undefined
    if (command === 'audit.expire') this.#links.addExpired(detail['file'])
    if (command === 'audit.rotate') {
      this.#links.closedWith(detail['next'])
      this.#rotated_at = this.#records
    }
    if (command === 'audit.resume') this.#addDiverted(file, detail)
    if (command === 'audit.gap') this.#addGap(file, detail)
    // In audit.fallback it is a part of what audit.resume names.
    const unfinished = command === 'audit.recovered' ? detail['unfinished_fallback'] : undefined
    if (typeof unfinished === 'object' && unfinished !== null) this.#addDiverted(file, unfinished)
    if (command === 'audit.recovered' && typeof detail['of'] === 'string') {
      const { file: torn_file, bytes, sha256 } = detail
      this.#torn.push({ of: detail['of'], file: torn_file, bytes, sha256 })
    }
  }

  /** A process that ends while records go to the server log leaves none that names them. */
  #tellUnnamed(): void {
    const file = this.#diverted_behind
    this.#diverted_behind = undefined
    if (file === undefined) return
    const text =
      'the file ends where the disk was full: what came then went to the server log, and no record names it'
    this.#findings.add({ kind: 'gap', file, text })
  }

  /** What was kept nowhere has no numbers that could be missing. */
  #addGap({ name }: SealedFile, { records, from, to }: Readonly<Record<string, unknown>>): void {
    const text = `${records} records from ${from} to ${to} were kept nowhere (on_failure: continue)`
    this.#findings.add({ kind: 'gap', file: name, text })
  }

  #addDiverted(file: SealedFile, named: Readonly<Record<string, unknown>> | object): void {
    const { from_seq, to_seq, records, sha256 } = { ...named } as Record<string, unknown>
    if (typeof from_seq !== 'number' || typeof to_seq !== 'number') return
    if (typeof records !== 'number' || records === 0) return
    // What a writer wrote before it died is told again by its successor, and by its own record.
    const of_start = this.#diverted.splice(this.#diverted_before)
    const others = of_start.filter((one) => from_seq > one.from_seq || to_seq < one.to_seq)
    if (!others.some((one) => one.from_seq <= from_seq && one.to_seq >= to_seq)) {
      const hash = typeof sha256 === 'string' ? sha256 : undefined
      const { name } = file
      others.push({ epoch: this.#epoch, from_seq, to_seq, records, sha256: hash, file: name })
    }
    // In the order in which the log has them.
    this.#diverted.push(...others.sort((one, other) => one.from_seq - other.from_seq))
  }

  #checkEnd(
    name: string,
    file: SealedFile | undefined,
    read: { readonly bytes: number; readonly torn_bytes: number },
    is_newest: boolean,
  ): void {
    if (is_newest && read.torn_bytes > 0 && !this.#live) {
      const bytes: [number, number] = [read.bytes, read.bytes + read.torn_bytes]
      const text = `a torn end of ${read.torn_bytes} bytes, which the next start moves away`
      this.#findings.add({ kind: 'gap', file: name, bytes, text })
    }
    if (file?.closed === true) return
    const end = file?.seal_end ?? 0
    const at = { file: name, bytes: [end, read.bytes] as [number, number] }
    if (is_newest && this.#live && this.#isYoung(name)) return
    if (read.bytes > end) {
      const what = is_newest
        ? 'whether they were altered, or more were cut off, nothing here shows'
        : 'the file after it vouches for them since it was begun, not before'
      const text = `the end of the file is not sealed (a crash, or seals were cut off): ${what}`
      this.#findings.add({ kind: 'gap', ...at, text })
      return
    }
    const text =
      'the file was not closed: it ends at a seal, behind which more may have been cut off; only an anchor would show it'
    this.#findings.add({ kind: 'gap', ...at, text })
  }

  /** Under a live pgwitness the next seal is awaited for twice the time that the last one named. */
  #isYoung(name: string): boolean {
    const { last } = this.#chain
    const { now_ms } = this.#options
    if (last === undefined) return now_ms - (parseAuditFileName(name)?.created_ms ?? 0) < 120_000
    return now_ms - Date.parse(last.time) < 2 * last.next_ms
  }

  /** The last file must be the last: unless its closing record names another. */
  async #checkNewest(name: string): Promise<void> {
    const { next } = this.#links
    if (next === undefined) return
    const stat = await lstat(join(this.#options.directory, next)).catch(() => undefined)
    if (stat !== undefined) return
    const text = `the file is missing: ${name} was closed for it (if it could not be begun, the server log says so)`
    this.#findings.add({ kind: 'altered', file: next, text })
  }
}

async function sizesOf(directory: string, names: readonly string[]): Promise<number[]> {
  const sizes: number[] = []
  for (const name of names) {
    sizes.push((await lstat(join(directory, name)).catch(() => ({ size: 0 }))).size)
  }
  return sizes
}

import { createPublicKey, type KeyObject } from 'node:crypto'
import { formatUtc } from '../record/format-time.js'
import type { Backlog } from './backlog.js'
import { NoteDesk } from './note-desk.js'
import { chainHash, keyFingerprint, type Seal, type SealSigner, signSeal } from './seal.js'
import type { TrailFile } from './trail-file.js'
import type { TrailIdentity, TrailOptions } from './trail-options.js'
import type { WriterClock } from './writer-clock.js'
import type { WriterMessage } from './writer-messages.js'
import { notes, renderNote } from './writer-notes.js'

/** A trail without new records is sealed this often, so that an old end shows as one. */
const idle_ms = 60_000

/** What a seal needs of the outlet: its file, and a way to write what has its number. */
export interface SealedOutlet {
  readonly file: TrailFile | undefined
  drain(which: 'numbered'): void
  sync(): void
}

export interface SealerParts {
  readonly options: TrailOptions
  readonly identity: TrailIdentity
  readonly backlog: Backlog
  readonly clock: WriterClock
  readonly report: (message: WriterMessage) => void
}

/**
 * Makes the seals of a trail. A seal covers the bytes of its own file from the end of what the
 * seal before it covered (in its file) to where the seal itself stands, so that the line of a seal
 * is covered by the next one. The chain of hashes goes on over files and starts.
 */
export class Sealer {
  readonly #parts: SealerParts
  readonly #signer: SealSigner | undefined
  /** Hash of the last seal that was written whole to its file. */
  #last_hash: string | undefined
  #sealed_ms: number

  constructor(parts: SealerParts) {
    this.#parts = parts
    this.#signer = signerOf(parts.options.seal.key)
    this.#sealed_ms = parts.clock.monotonicMilliseconds()
  }

  /** The chain goes on from the last seal of a former writer. */
  follow(last_hash: string | undefined): void {
    this.#last_hash = last_hash
  }

  /** Whether `more` further records would be more than one seal may cover. */
  isFull(file: TrailFile, more: number): boolean {
    // The line of the seal before is one of them, or a limit of 1 would seal nothing but seals.
    return file.unsealed_records + more > this.#parts.options.seal.records
  }

  /** Seals what has waited long enough. */
  tick(outlet: SealedOutlet): void {
    const { file } = outlet
    if (file === undefined) return
    const { every_ms } = this.#parts.options.seal
    const waited_ms = this.#parts.clock.monotonicMilliseconds() - this.#sealed_ms
    const has_news = file.unsealed_records > (file.is_sealed ? 1 : 0)
    if (waited_ms >= (has_news ? every_ms : Math.max(every_ms, idle_ms))) this.seal(outlet, false)
  }

  /**
   * Seals everything that is written to the file, and makes it durable. A seal whose write fails
   * is a record like any other, which is written again elsewhere: it says by its file that it
   * belongs to none that follow, and the chain goes on from the seal before it.
   */
  seal(outlet: SealedOutlet, closing: boolean): void {
    const { file } = outlet
    if (file === undefined) return
    outlet.drain('numbered')
    if (outlet.file !== file) return
    const { backlog, clock, options, report } = this.#parts
    const time_us = clock.nowMicroseconds()
    const seal = this.#make(file, time_us, closing)
    backlog.note(renderNote(notes.seal(seal), time_us, options))
    this.#sealed_ms = clock.monotonicMilliseconds()
    outlet.drain('numbered')
    if (outlet.file !== file) return
    this.#last_hash = seal.hash
    outlet.sync()
    if (outlet.file !== file) return
    // An anchor must not know more than the disk, or a loss of power would look like a rollback.
    if (options.seal.copy !== undefined) report({ kind: 'sealed', line: JSON.stringify(seal) })
  }

  /** Seals a file in which nothing else has room, nor will have. Throws a WriteFailure. */
  sealFull(file: TrailFile): void {
    const { clock, options, report } = this.#parts
    const time_us = clock.nowMicroseconds()
    const seal = this.#make(file, time_us, true)
    const desk = new NoteDesk(this.#parts)
    desk.addHead(notes.seal(seal), time_us)
    file.write(desk.head)
    file.sync()
    this.#last_hash = seal.hash
    if (options.seal.copy !== undefined) report({ kind: 'sealed', line: JSON.stringify(seal) })
  }

  #make(file: TrailFile, time_us: number, closing: boolean): Seal {
    const { identity, options } = this.#parts
    const { from, to, records, sha256 } = file.takeUnsealed()
    const statement = {
      trail: identity.trail,
      epoch: identity.epoch,
      instance: options.instance,
      file: file.name,
      from,
      to,
      records,
      ...(this.#last_hash !== undefined && { previous_hash: this.#last_hash }),
      hash: chainHash(this.#last_hash, sha256),
      time: formatUtc(time_us),
      next_ms: Math.max(options.seal.every_ms, idle_ms),
      ...(closing && { closing: true as const }),
    }
    return signSeal(statement, this.#signer)
  }
}

function signerOf(key: KeyObject | undefined): SealSigner | undefined {
  if (key === undefined) return undefined
  return { key, fingerprint: keyFingerprint(createPublicKey(key)) }
}

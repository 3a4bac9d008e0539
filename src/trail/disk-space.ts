import type { ControlWords } from './control-words.js'
import type { Disk } from './disk.js'
import { passFenced } from './write-failure.js'
import type { WriterClock } from './writer-clock.js'

/** Percentages of the file system at whose reaching is told of it. */
export const water_marks = [98, 90, 75] as const

/** A mark counts as left only when the file system is so many points below it. */
const hysteresis_points = 3

/** Pause between two looks, in milliseconds. */
const look_ms = 1_000

/** How full the file system of the audit directory is. */
export interface DiskUse {
  /** The highest mark that is reached; 0 below all. */
  readonly mark: number
  readonly used_percent: number
  readonly available_bytes: number
  /** What is scarcest: room, or the number of files that may be made. */
  readonly scarce: 'bytes' | 'files'
}

/** Watches how full the file system of the audit directory is. */
export class DiskSpace {
  readonly #path: string
  readonly #disk: Disk
  readonly #clock: WriterClock
  readonly #control: ControlWords
  #looked_ms = Number.NEGATIVE_INFINITY

  constructor(path: string, disk: Disk, clock: WriterClock, control: ControlWords) {
    this.#path = path
    this.#disk = disk
    this.#clock = clock
    this.#control = control
  }

  /**
   * Looks, when it is time. Answers when another mark counts than at the last look, which may have
   * been a former writer's.
   */
  look(): DiskUse | undefined {
    const now_ms = this.#clock.monotonicMilliseconds()
    if (now_ms - this.#looked_ms < look_ms || this.#control.isHeldUp('file')) return undefined
    this.#looked_ms = now_ms
    const before = this.#control.counter('disk_mark')
    const use = this.measure()
    return use === undefined || use.mark === before ? undefined : use
  }

  /** Looks; undefined where the system does not tell, as while the directory is not there. */
  measure(): DiskUse | undefined {
    const found = this.#statistics()
    if (found === undefined) return undefined
    const mark = markOf(found.used_percent, this.#control.counter('disk_mark'))
    this.#control.setCounter('disk_percent', Math.floor(found.used_percent))
    this.#control.setCounter('disk_mark', mark)
    return { mark, ...found }
  }

  #statistics(): Omit<DiskUse, 'mark'> | undefined {
    try {
      const { bsize, blocks, bfree, bavail, files, ffree } = this.#disk.statfsSync(this.#path)
      const used = blocks - bfree
      // As df counts: what root alone may use is neither used nor available.
      const bytes_percent = used + bavail > 0 ? (100 * used) / (used + bavail) : 0
      const files_percent = files > 0 ? (100 * (files - ffree)) / files : 0
      const used_percent = Math.round(Math.max(bytes_percent, files_percent) * 10) / 10
      const scarce = files_percent > bytes_percent ? 'files' : 'bytes'
      return { used_percent, available_bytes: bavail * bsize, scarce }
    } catch (error) {
      passFenced(error)
      return undefined
    }
  }
}

/** The mark that counts, when `before` was the one that did. */
export function markOf(used_percent: number, before: number): number {
  const reached = water_marks.find((mark) => used_percent >= mark) ?? 0
  if (reached >= before) return reached
  const kept = water_marks.find((mark) => used_percent > mark - hysteresis_points) ?? 0
  return Math.min(before, kept)
}

import { isDeepStrictEqual } from 'node:util'

/**
 * The names of the temporary relations of all sessions, as they were read last. Which session has
 * which the catalogs do not tell; but a name that none has cannot hide another.
 */
export class TemporaryNames {
  #begun = 0
  #read_by = 0
  #names: ReadonlySet<string> | undefined

  /** How many readings have begun so far. */
  get begun(): number {
    return this.#begun
  }

  /** A reading begins; gives its number. */
  begin(): number {
    this.#begun += 1
    return this.#begun
  }

  /** What the reading of this number found, undefined if too many; true when that is new. */
  take(reading: number, names: ReadonlySet<string> | undefined): boolean {
    const is_new = !isDeepStrictEqual(this.#names, names)
    this.#read_by = reading
    this.#names = names
    return is_new
  }

  /** What a reading found that began after so many; undefined where none has, or it is not known. */
  since(begun: number): ReadonlySet<string> | undefined {
    return this.#read_by > begun ? this.#names : undefined
  }
}

const newline = 0x0a
const quote = 0x22
const brace = 0x7b

/**
 * Finds where records end in the bytes of a file. The format shows in the first byte: JSON records
 * begin with a brace and hold no newline, CSV records end at a newline outside of quotes.
 */
export class RecordScanner {
  #format: 'json' | 'csv' | undefined
  #quoted = false

  /** Undefined until the first byte is seen. */
  get format(): 'json' | 'csv' | undefined {
    return this.#format
  }

  /** Offsets in the next chunk of the file just behind each record that ends there. */
  ends(chunk: Uint8Array): number[] {
    if (chunk.length === 0) return []
    this.#format ??= chunk[0] === brace ? 'json' : 'csv'
    return this.#format === 'json' ? jsonEnds(chunk) : this.#csvEnds(chunk)
  }

  #csvEnds(chunk: Uint8Array): number[] {
    const ends: number[] = []
    for (let at = 0; at < chunk.length; at++) {
      if (chunk[at] === quote) this.#quoted = !this.#quoted
      else if (chunk[at] === newline && !this.#quoted) ends.push(at + 1)
    }
    return ends
  }
}

function jsonEnds(chunk: Uint8Array): number[] {
  const ends: number[] = []
  for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, at + 1)) {
    ends.push(at + 1)
  }
  return ends
}

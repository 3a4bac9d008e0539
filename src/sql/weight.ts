/** One word of V8's heap in Node, which does not compress pointers, in bytes. */
const word_bytes = 8

/** Header of a string: map, and hash with length. */
const string_header_bytes = 16

const beyond_latin1 = /[^\u0000-\u00ff]/

/** The bytes that a string takes in memory: one a character, or two beyond Latin-1. */
export function stringWeight(text: string): number {
  const width = beyond_latin1.test(text) ? 2 : 1
  return string_header_bytes + Math.ceil((width * text.length) / word_bytes) * word_bytes
}

/**
 * The bytes that a value takes in memory that came from another thread, where nothing in it is
 * shared: an object has three words beside its fields, an array four and a header for its elements
 * of two. Names of fields are shared by all objects. Not recursive: a statement may hold others.
 */
export function valueWeight(value: unknown): number {
  let weight = 0
  const pending: unknown[] = [value]
  while (pending.length > 0) {
    const item = pending.pop()
    if (typeof item === 'string') weight += stringWeight(item)
    else if (typeof item === 'object' && item !== null) {
      const children = Object.values(item)
      const header = Array.isArray(item) ? 6 : 3
      weight += word_bytes * (header + children.length)
      for (const child of children) pending.push(child)
    }
  }
  return weight
}

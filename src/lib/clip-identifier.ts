import { limits } from './limits.js'

/**
 * A name as the server cuts it: to 63 bytes, and never within a character. Counted as UTF-8, which
 * is the encoding of most databases.
 * Source: src/backend/parser/scansup.c, truncate_identifier.
 */
export function clipIdentifier(name: string): string {
  if (name.length * 3 <= limits.identifier_bytes) return name
  const bytes = Buffer.from(name, 'utf8')
  if (bytes.length <= limits.identifier_bytes) return name
  let end = limits.identifier_bytes
  // 10xxxxxx is a byte within a character.
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return bytes.toString('utf8', 0, end)
}

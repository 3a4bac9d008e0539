import { createHash } from 'node:crypto'
import type { Answer, Talk } from './talk.js'

const shown_bytes = 2_000

/**
 * All that a server said, a line for each message, with what differs between any two sessions of
 * one server taken out: process ids and cancel keys, salts, nonces and signatures of passwords,
 * and the OIDs of tables that the conversation itself has made.
 */
export function comparable(talk: Talk): readonly string[] {
  return [`unframed ${JSON.stringify(talk.unframed)}`, ...talk.answers.map(line)]
}

function line({ letter, body }: Answer): string {
  const masked = mask(letter, body)
  const text =
    masked.length <= shown_bytes
      ? JSON.stringify(masked.toString('latin1'))
      : `${masked.length} bytes ${createHash('sha256').update(masked).digest('hex')}`
  return `${letter} ${text}`
}

function mask(letter: string, body: Buffer): Buffer {
  const copy = Buffer.from(body)
  switch (letter) {
    case 'K':
      return copy.fill('k')
    case 'R':
      // MD5 and SASL: salts, nonces and signatures follow the code, each of a fixed length.
      return [5, 11, 12].includes(body.readInt32BE(0)) ? copy.fill('r', 4) : copy
    case 'A':
      return copy.fill('p', 0, 4)
    case 'T':
      return maskTables(copy)
    default:
      return copy
  }
}

/** RowDescription: behind each name the OID of its table, 0 when it is of none. */
function maskTables(body: Buffer): Buffer {
  let at = 2
  for (let left = body.readInt16BE(0); left > 0; left--) {
    at = body.indexOf(0, at) + 1
    // 16384 is the first OID that is not PostgreSQL's own (FirstNormalObjectId).
    if (body.readUInt32BE(at) >= 16_384) body.fill('t', at, at + 4)
    at += 18
  }
  return body
}

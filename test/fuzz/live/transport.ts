import type { LiveRun } from './arena.js'
import type { Fault } from './judge.js'

/** Letters of what a server sends. Source: PostgreSQL documentation, "Message Formats". */
const backend_letters = new Set('R K 2 3 C W d c G H D I E V v n N A t S 1 s Z T'.split(' '))

/**
 * What crossed: the client has what the server said, whole and unaltered, but for the one message
 * of our own at its end; the server has what the client said, as far as it is well-formed.
 */
export function transportFaults({ played, tapped, records }: LiveRun): Fault[] {
  const faults: Fault[] = []
  if (tapped === undefined) return faults
  const said = Buffer.concat(tapped.from_server)
  const heard = Buffer.concat(tapped.from_client)
  // Before the first ReadyForQuery it is the connection that was refused.
  const violated = records.some(
    ({ command }) => command === 'protocol violation' || command === 'connection refused',
  )

  const shared = commonLength(played.received, said)
  const own = played.received.subarray(shared)
  if (own.length > 0 && !endsWithOwnError(played.received, shared)) {
    faults.push({ kind: 'altered answer', what: `from byte ${shared}: ${shown(own)}` })
  }
  // A server that closes while the client still sends resets the client's connection.
  const was_reset = played.was_reset && tapped.server_closed_first
  const lost = shared < said.length && !played.dropped && !was_reset
  if (lost && !violated && !played.hung) {
    faults.push({
      kind: 'lost answer',
      what: `from byte ${shared}: ${shown(said.subarray(shared))}`,
    })
  }
  if (!played.dropped) {
    const odd = oddMessage(played.received)
    if (odd !== undefined) faults.push({ kind: 'malformed answer', what: odd })
  }

  const passed = commonLength(heard, played.sent)
  const added = heard.subarray(passed)
  if (added.length > 0 && !added.equals(terminate)) {
    faults.push({ kind: 'altered request', what: `from byte ${passed}: ${shown(added)}` })
  }
  const bad = firstMalformed(played.sent)
  // A header that comes in pieces is known to be wrong only with its last byte.
  if (passed > bad + 4) {
    faults.push({ kind: 'forwarded violation', what: `${passed} bytes, malformed from ${bad}` })
  }
  // Once the server has ended the session, what still comes is nobody's.
  const over = violated || played.dropped || tapped.server_closed_first
  if (!over && passed < Math.min(bad, played.sent.length)) {
    faults.push({ kind: 'lost request', what: `${passed} of ${played.sent.length} bytes` })
  }
  return faults
}

const terminate = Buffer.from([0x58, 0, 0, 0, 4])
const frontend_letters = new Set('B C d c f D E H F P Q S X'.split(' '))

function commonLength(a: Buffer, b: Buffer): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) if (a[at] !== b[at]) return at
  return length
}

/**
 * Whether what goes beyond the shared bytes is one error of the proxy; the first bytes of that may
 * be the same as what the server went on to say.
 */
export function endsWithOwnError(received: Buffer, shared: number): boolean {
  for (let at = shared; at >= Math.max(0, shared - 40); at--) {
    const end = received.subarray(at)
    if (end.length < 5 || end[0] !== 0x45 || end.length !== 1 + end.readInt32BE(1)) continue
    if (end.includes('VFATAL')) return true
  }
  return false
}

function oddMessage(bytes: Buffer): string | undefined {
  let at = 0
  while (at < bytes.length) {
    const letter = String.fromCharCode(bytes[at] ?? 0)
    if (!backend_letters.has(letter)) return `letter ${JSON.stringify(letter)} at ${at}`
    if (at + 5 > bytes.length) return `a header is cut short at ${at}`
    const length = bytes.readInt32BE(at + 1)
    if (length < 4 || at + 1 + length > bytes.length)
      return `length ${length} of ${letter} at ${at}`
    at += 1 + length
  }
  return undefined
}

/** Where the first message of a client begins that no server takes: unknown letter, wrong length. */
export function firstMalformed(sent: Buffer): number {
  let at = sent.length < 4 ? 0 : sent.readInt32BE(0)
  while (at < sent.length) {
    const letter = String.fromCharCode(sent[at] ?? 0)
    if (letter === 'X' && at + 5 <= sent.length) return Number.POSITIVE_INFINITY
    if (at + 5 > sent.length) return sent.length
    const length = sent.readInt32BE(at + 1)
    if (length < 4 || length > 2 ** 30 || !frontend_letters.has(letter)) return at
    at += 1 + length
  }
  return Number.POSITIVE_INFINITY
}

function shown(bytes: Buffer): string {
  return JSON.stringify(bytes.toString('latin1').slice(0, 120))
}

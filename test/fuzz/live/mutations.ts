import type { Random } from '../random.js'
import { bytesOf, type Line, type Script } from '../script.js'
import { randomSession } from './sessions.js'

const letters = 'QPBEDCSHFXdcfp\u0000ZR1Av'
const integers = [0, 1, 2, 3, 4, 5, 255, 65_535, 2 ** 31 - 1, 2 ** 30, -1, -2, -(2 ** 31)]

type Mutation = (line: Line, random: Random) => readonly Line[]

/** Replaces bytes somewhere. */
function spoil(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes)
  if (copy.length === 0) return copy
  const at = random.below(copy.length)
  switch (random.below(5)) {
    case 0:
      copy.writeUInt8(random.below(256), at)
      return copy
    case 1:
      copy.writeUInt8(0, at)
      return copy
    case 2:
      if (copy.length >= 4) copy.writeInt32BE(random.pick(integers), random.below(copy.length - 3))
      return copy
    case 3:
      return Buffer.concat([
        copy.subarray(0, at),
        random.bytes(random.below(20)),
        copy.subarray(at),
      ])
    default:
      return copy.subarray(0, at)
  }
}

const mutations: readonly Mutation[] = [
  (line, random) =>
    line.kind === 'message' ? [{ ...line, body: spoil(line.body, random) }] : [line],
  (line, random) =>
    line.kind === 'message' ? [{ ...line, body: spoil(line.body, random) }] : [line],
  (line, random) =>
    line.kind === 'message' ? [{ ...line, letter: letters[random.below(14)] ?? 'S' }] : [line],
  (line) => [line, line],
  () => [],
  // The length field, or anything else of the whole message.
  (line, random) => {
    if (line.kind !== 'message') return [line]
    const bytes = bytesOf(line)
    const copy = Buffer.from(bytes)
    if (random.once(2)) copy.writeInt32BE(random.pick([...integers, bytes.length + 3]), 1)
    else copy.writeUInt8(letters.charCodeAt(random.below(letters.length)), 0)
    return [{ kind: 'raw', side: line.side, bytes: copy }]
  },
  (line, random) =>
    line.kind === 'message'
      ? [{ kind: 'raw', side: line.side, bytes: spoil(bytesOf(line), random) }]
      : [line],
  (line, random) => [
    line,
    {
      kind: 'message',
      side: line.kind === 'act' ? '>' : line.side,
      letter: letters[random.below(14)] ?? 'S',
      body: random.bytes(random.below(12)),
    },
  ],
]

/** Some lines of a script, changed; `mild` leaves more of it as it was. */
export function mutate(lines: readonly Line[], random: Random): Line[] {
  const mutated: Line[] = []
  const one_in = 2 + random.below(20)
  for (const line of lines) {
    if (random.once(one_in)) mutated.push(...random.pick(mutations)(line, random))
    else mutated.push(line)
  }
  // Here and there two lines change places.
  while (random.once(3) && mutated.length > 1) {
    const at = random.below(mutated.length - 1)
    const [first, second] = [mutated[at], mutated[at + 1]]
    if (first !== undefined && second !== undefined) mutated.splice(at, 2, second, first)
  }
  return mutated
}

/** A random session that does not keep to the protocol. */
export function mutatedSession(random: Random): Script {
  const script = randomSession(random)
  return { ...script, lines: mutate(script.lines, random) }
}

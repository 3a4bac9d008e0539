import { Random } from './random.js'

/** Cuts bytes at random places, most of them near each other so that headers are split as well. */
export function cutBytes(bytes: Buffer, random: Random): Buffer[] {
  const pieces: Buffer[] = []
  for (let from = 0; from < bytes.length; ) {
    const to = Math.min(bytes.length, from + 1 + random.below(random.once(3) ? 7 : 900))
    pieces.push(bytes.subarray(from, to))
    from = to
  }
  return pieces
}

/** Gives chunks one after the other, cut by the seed; 0 leaves them whole. */
export class Cutter {
  readonly #random: Random | undefined

  constructor(seed: number) {
    this.#random = seed === 0 ? undefined : new Random(seed)
  }

  cut(bytes: Buffer): Buffer[] {
    if (this.#random === undefined) return bytes.length === 0 ? [] : [bytes]
    return cutBytes(bytes, this.#random)
  }
}

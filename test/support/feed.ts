import type { Framer } from '../../src/wire/framer.js'

/** One way of cutting a stream into chunks. */
export interface Cutting {
  readonly name: string
  cut(bytes: Buffer): Buffer[]
}

/** Set FEED_SEED to the number in a failure's message to see the same cuts again. */
const base_seed = Number(process.env['FEED_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

/** Small and seeded (mulberry32), so that a failure can be seen again. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const whole: Cutting = { name: 'whole', cut: (bytes) => [bytes] }

const byte_by_byte: Cutting = {
  name: 'byte by byte',
  cut: (bytes) => Array.from(bytes, (byte) => Buffer.from([byte])),
}

export function randomCutting(seed: number): Cutting {
  const random = randomNumbers(seed)
  return {
    name: `random cuts, FEED_SEED=${seed}`,
    cut(bytes) {
      const chunks: Buffer[] = []
      // Most cuts fall near each other, so that headers and short bodies are split as well.
      for (let from = 0; from < bytes.length; ) {
        const longest = random() < 0.7 ? 12 : 400
        const to = Math.min(bytes.length, from + 1 + Math.floor(random() * longest))
        chunks.push(Buffer.from(bytes.subarray(from, to)))
        from = to
      }
      return chunks
    },
  }
}

/** Whole, byte by byte, and at `random_count` seeded random cuts. */
export function allCuttings(random_count = 3): Cutting[] {
  const random = Array.from({ length: random_count }, (_, index) =>
    randomCutting(base_seed + index),
  )
  return [whole, byte_by_byte, ...random]
}

/** Runs `check` once for every cutting; a failure names the cutting and its seed. */
export async function forEveryCut(
  check: (cutting: Cutting) => void | Promise<void>,
  random_count = 3,
): Promise<void> {
  for (const cutting of allCuttings(random_count)) {
    try {
      await check(cutting)
    } catch (error) {
      if (error instanceof Error) error.message = `[${cutting.name}] ${error.message}`
      throw error
    }
  }
}

/**
 * Feeds chunks one after the other. Each chunk is overwritten after its call, so that a test sees
 * it when something kept a view of it. Gives the bytes taken, which are fewer when the handler stopped.
 */
export function feedChunks(framer: Framer, chunks: readonly Buffer[]): number {
  let taken = 0
  for (const chunk of chunks) {
    const own = Buffer.from(chunk)
    const end = framer.feed(own, 0)
    own.fill(0xaa)
    taken += end
    if (end < chunk.length) return taken
  }
  return taken
}

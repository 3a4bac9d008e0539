/** A middle value and how far the others lie from it. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** Median, least and greatest of some numbers; undefined when there are none. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined
  const sorted = [...values].sort((a, b) => a - b)
  return {
    median: quantile(sorted, 0.5),
    min: sorted[0] ?? Number.NaN,
    max: sorted.at(-1) ?? Number.NaN,
  }
}

/** A quantile of sorted numbers, linear between two of them. */
export function quantile(sorted: readonly number[], share: number): number {
  if (sorted.length === 0) return Number.NaN
  const place = (sorted.length - 1) * share
  const below = sorted[Math.floor(place)] ?? Number.NaN
  const above = sorted[Math.ceil(place)] ?? Number.NaN
  return below + (above - below) * (place - Math.floor(place))
}

/**
 * How much of `base` a variant reaches, round by round: what was measured one after the other
 * within a round had the same machine, which medians of all rounds had not.
 */
export function ratioOf(values: readonly number[], base: readonly number[]): Spread | undefined {
  const ratios = values.flatMap((value, round) => {
    const against = base[round]
    return against === undefined || against === 0 ? [] : [value / against]
  })
  return spreadOf(ratios)
}

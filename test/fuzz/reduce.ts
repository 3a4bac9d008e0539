/**
 * The fewest parts of a list that still show a fault, found by leaving out ever smaller pieces.
 * `shows` is asked at most `attempts` times.
 */
export async function reduceList<T>(
  list: readonly T[],
  shows: (fewer: readonly T[]) => Promise<boolean>,
  attempts: number,
): Promise<readonly T[]> {
  let left = attempts
  let kept = list
  for (let size = Math.max(1, kept.length >> 1); size >= 1; size >>= 1) {
    for (let at = 0; at < kept.length && left > 0; ) {
      const fewer = [...kept.slice(0, at), ...kept.slice(at + size)]
      left--
      if (await shows(fewer)) kept = fewer
      else at += size
    }
  }
  return kept
}

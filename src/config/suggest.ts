/**
 * The nearest of `candidates` to a mistyped `word`, or undefined when none is near.
 * Case, dots, hyphens and underscores do not count; a third of the word may be wrong.
 */
export function suggest(word: string, candidates: readonly string[]): string | undefined {
  const wanted = folded(word)
  let best: string | undefined
  let best_distance = Math.floor(Math.max(wanted.length, 3) / 3) + 1
  for (const candidate of candidates) {
    const distance = editDistance(wanted, folded(candidate))
    if (distance < best_distance) {
      best = candidate
      best_distance = distance
    }
  }
  return best
}

function folded(word: string): string {
  // The cut bounds the work: no name here is longer, and a mistyped one may be anything.
  return word.slice(0, 100).toLowerCase().replaceAll(/[-_.]/g, '')
}

/** Edits between two words, a swap of neighbours counting as one (optimal string alignment). */
function editDistance(left: string, right: string): number {
  let before_previous: number[] = []
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let row = 1; row <= left.length; row++) {
    const current = [row]
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1]
      let cost = Math.min(
        at(previous, column) + 1,
        at(current, column - 1) + 1,
        at(previous, column - 1) + (same ? 0 : 1),
      )
      const swapped =
        row > 1 &&
        column > 1 &&
        left[row - 1] === right[column - 2] &&
        left[row - 2] === right[column - 1]
      if (swapped) cost = Math.min(cost, at(before_previous, column - 2) + 1)
      current.push(cost)
    }
    before_previous = previous
    previous = current
  }
  return at(previous, right.length)
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY
}

import type { CatalogDoubt } from '../sql/facts.js'

/** Several doubts as one number, so that they are joined without allocation. */
export type Doubts = number

export const no_doubts: Doubts = 0

const flags = { rights: 1, roles: 2, objects: 4, names: 8 } as const satisfies Record<
  CatalogDoubt,
  Doubts
>

/** Joins doubts. */
export function doubtsOf(doubts: readonly CatalogDoubt[]): Doubts {
  let all = no_doubts
  for (const doubt of doubts) all |= flags[doubt]
  return all
}

/** True when this doubt is among them. */
export function hasDoubt(doubts: Doubts, doubt: CatalogDoubt): boolean {
  return (doubts & flags[doubt]) !== 0
}

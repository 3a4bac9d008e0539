/** Records that are late by this much are no passing matter, in milliseconds. */
const lag_ms = 10_000

/** What `/readyz` says of records that wait: nothing while they are not late. */
export function lagWords(oldest_unsaved_ms: number, sync_ms: number): readonly string[] {
  if (oldest_unsaved_ms < sync_ms + lag_ms) return []
  return [`the oldest unsaved record has waited ${seconds(oldest_unsaved_ms)} for the disk`]
}

/** What it says of a catalog that cannot be read, and how old what is known of it is. */
export function catalogWords(
  database: string,
  problem: string | undefined,
  age_ms: number | undefined,
): readonly string[] {
  if (problem === undefined) return []
  const known =
    age_ms === undefined ? 'nothing is known of it' : `known as of ${seconds(age_ms)} ago`
  return [`catalog of ${database}: ${problem} (${known})`]
}

function seconds(duration_ms: number): string {
  return `${Math.round(duration_ms / 1_000)} s`
}

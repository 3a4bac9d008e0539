import { expect, it } from 'vitest'
import { targets } from './targets.js'

/** A few cases of every target, the same each time; `npm run fuzz` plays as many as there is time for. */
const cases: Readonly<Record<string, number>> = {
  executed: 80,
  mutation: 60,
  hostile: 40,
  decoders: 4000,
  session: 400,
  sql: 1000,
  shape: 3000,
  secrets: 2000,
}
const seed = 20261122

it.each(targets)('$name finds nothing in its first cases', async ({ name, open: openTarget }) => {
  const open = await openTarget({ seed, jobs: 4 })
  try {
    const numbers = Array.from({ length: cases[name] ?? 0 }, (_, number) => number)
    const findings = await open.play(numbers)
    expect(findings.map(({ number, what }) => `--case ${number}: ${what}`)).toEqual([])
    const compared = Object.values(open.counts()).reduce((sum, count) => sum + count, 0)
    expect(compared).toBeGreaterThanOrEqual(numbers.length)
  } finally {
    await open.close()
  }
})

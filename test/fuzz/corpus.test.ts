import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { Corpus } from './corpus.js'
import { targets } from './targets.js'

/** What fuzzing has found, and cases made by hand that it should not lose: each is played again. */

const corpus = new Corpus(fileURLToPath(new URL('corpus', import.meta.url)))

it.each(targets)('the corpus of $name is without faults', async (target) => {
  const cases = corpus.cases(target.name)
  expect(cases.length).toBeGreaterThan(0)
  const open = await target.open({ seed: 0, jobs: 4 })
  try {
    const faults = await open.replay(cases.map(({ text }) => text))
    const found = cases.flatMap(({ name }, index) =>
      (faults[index] ?? []).map((fault) => `${target.name}/${name}: ${fault}`),
    )
    expect(found).toEqual([])
    expect(faults.length).toBe(cases.length)
  } finally {
    await open.close()
  }
})

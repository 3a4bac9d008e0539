import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { blocksOf } from './page-blocks.js'

/**
 * Every fenced block of the README and of the pages is run or compared by the test that is named
 * here, or has a reason why not. A new block fails until it has its place.
 */

const root = new URL('../../', import.meta.url)

/** A test that runs the block, or a reason. */
type Treatment = { readonly by: string } | { readonly not: string }

/** Treatments by page, heading and language; the number of blocks stands before. */
const treatments: Readonly<Record<string, readonly [count: number, treatment: Treatment]>> = {
  'README.md > Try it > sh': [1, { not: 'installs and runs all tests: .ci/run does so' }],
  'README.md > Where it sits > ': [1, { not: 'a drawing' }],
  'README.md > Where it sits > sh': [1, { by: 'test/docs/commands.test.ts' }],
  'README.md > A record > json': [1, { by: 'test/docs/readme.test.ts' }],
  'README.md > Configuration > yaml': [1, { by: 'test/docs/readme.test.ts' }],
  'README.md > Configuration > sh': [1, { by: 'test/docs/commands.test.ts' }],
  'docs/architecture.md > The way of a statement > ': [1, { not: 'a drawing' }],
  'docs/benchmarks.md >  > sh': [1, { by: 'test/docs/readme.test.ts' }],
  'docs/configuration.md > Rules > yaml': [1, { by: 'test/docs/commands.test.ts' }],
  'docs/developing.md > Commands > sh': [1, { by: 'test/docs/readme.test.ts' }],
  'docs/developing.md > Fuzzing > sh': [1, { by: 'test/docs/readme.test.ts' }],
  'docs/guarantees.md > What is not seen > sql': [1, { by: 'test/docs/guarantees.test.ts' }],
  'docs/operating.md > Closing the ways around > conf': [2, { by: 'test/docs/operating.test.ts' }],
  'docs/operating.md > Closing the ways around > yaml': [1, { by: 'test/docs/operating.test.ts' }],
  'docs/operating.md > Closing the ways around > sh': [1, { by: 'test/docs/operating.test.ts' }],
  'docs/operating.md > TLS > yaml': [1, { by: 'test/docs/operating.test.ts' }],
  'docs/operating.md > Files, rotation, retention > yaml': [
    1,
    { by: 'test/docs/operating.test.ts' },
  ],
  'docs/operating.md > Keys > sh': [1, { by: 'test/docs/operating.test.ts' }],
  'docs/reading.md > With pgwitness tail > sh': [1, { by: 'test/docs/commands.test.ts' }],
  'docs/reading.md > With jq > sh': [5, { by: 'test/docs/reading.test.ts' }],
  'docs/reading.md > An investigation > sh': [3, { by: 'test/docs/investigation.test.ts' }],
  'docs/reading.md > An investigation > sql': [3, { by: 'test/docs/investigation.test.ts' }],
  'docs/reading.md > CSV: a foreign table over the file > sql': [
    3,
    { by: 'test/docs/reading.test.ts' },
  ],
  'docs/reading.md > CSV: a table of its own > sql': [1, { by: 'test/docs/reading.test.ts' }],
  'docs/reading.md > JSON: into a jsonb column > sql': [5, { by: 'test/docs/reading.test.ts' }],
  'docs/reading.md > JSON: into a jsonb column > psql': [1, { by: 'test/docs/reading.test.ts' }],
  'docs/reading.md > Shipping > yaml': [2, { by: 'test/docs/investigation.test.ts' }],
  'docs/reading.md > Records in the server log > sh': [1, { by: 'test/docs/reading.test.ts' }],
  'docs/records.md > JSON > json': [1, { by: 'test/record/records-docs.test.ts' }],
  'docs/records.md > JSON > sql': [1, { by: 'test/docs/commands.test.ts' }],
  'docs/records.md > CSV > csv': [1, { by: 'test/record/records-docs.test.ts' }],
  'docs/records.md > CSV > sql': [1, { by: 'test/docs/commands.test.ts' }],
  'docs/rules.md > One rule > yaml': [2, { by: 'test/rules/rules-docs.test.ts' }],
  'docs/rules.md > Keys > yaml': [2, { by: 'test/rules/rules-docs.test.ts' }],
  'docs/rules.md > Objects > yaml': [4, { by: 'test/rules/rules-docs.test.ts' }],
  'docs/rules.md > Backups and replication > yaml': [2, { by: 'test/rules/rules-docs.test.ts' }],
  'docs/rules.md > What does not apply, and what is not known > yaml': [
    2,
    { by: 'test/rules/rules-docs.test.ts' },
  ],
  'docs/rules.md > Why a statement is recorded so > sh': [1, { by: 'test/cli/explain.test.ts' }],
  'docs/rules.md > Why a statement is recorded so > text': [1, { by: 'test/cli/explain.test.ts' }],
  'docs/running.md > The role of the side connection > sh': [
    1,
    { by: 'test/docs/commands.test.ts' },
  ],
  'docs/troubleshooting.md >  > sh': [1, { by: 'test/docs/commands.test.ts' }],
  'docs/reading.md > Was the trail altered? > sh': [1, { by: 'test/docs/operating.test.ts' }],
  'docs/reading.md > Has a closed file been altered? > sh': [
    1,
    { by: 'test/docs/reading.test.ts' },
  ],
}

test('every block of every page has its place', () => {
  const pages = readdirSync(new URL('docs', root)).map((name) => `docs/${name}`)
  const counts = new Map<string, number>()
  for (const page of ['README.md', ...pages.filter((name) => name.endsWith('.md'))]) {
    for (const { heading, language } of blocksOf(page)) {
      const key = `${page} > ${heading} > ${language}`
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
  }
  const expected = Object.entries(treatments).map(([key, [count]]) => [key, count] as const)
  expect(Object.fromEntries(counts)).toEqual(Object.fromEntries(expected))
})

test('no block is hidden by indentation alone', () => {
  const pages = readdirSync(new URL('docs', root)).filter((name) => name.endsWith('.md'))
  for (const page of ['../README.md', ...pages]) {
    const text = readFileSync(new URL(`docs/${page}`, root), 'utf8').replaceAll(
      /^```.*?^```$/gms,
      '',
    )
    expect(text.match(/^\n {4}\S.*$/gm), page).toBeNull()
  }
})

test('the tests that are named read the page', () => {
  for (const [key, [, treatment]] of Object.entries(treatments)) {
    if (!('by' in treatment)) continue
    const [page = ''] = key.split(' > ')
    expect(existsSync(new URL(treatment.by, root)), treatment.by).toBe(true)
    const text = readFileSync(new URL(treatment.by, root), 'utf8')
    expect(text.includes(page), `${treatment.by} reads ${page}`).toBe(true)
  }
})

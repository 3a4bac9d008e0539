import { describe, expect, it } from 'vitest'
import { analyseNow } from '../../../src/sql/analyse-now.js'
import { accepted, harmless, prompted, refused } from './corpus.js'
import { filled, tracesIn } from './marks.js'
import { shown } from './shown.js'

/** Statements whose values alone are secret, by what they look like. */
const by_value = /^SELECT \$1::|^INSERT INTO corpus \(name, n\)/

describe('a secret in a statement', () => {
  // What the arguments of an EXECUTE are depends on the PREPARE: see test/integration.
  const { EXECUTE: _, ...readable } = accepted
  const entries = Object.entries(readable).flatMap(([command, each]) =>
    each.map((entry) => ({ command, ...filled(entry) })),
  )
  it.each(entries)('$text', async ({ command, text, values }) => {
    expect(tracesIn(`${text} ${values.join()}`)).not.toEqual([])
    const facts = await analyseNow(text)
    expect(facts.status).toBe('parsed')
    expect(tracesIn(shown(facts))).toEqual([])
    expect(facts.statements.map((each) => each.command)).toEqual([command])
    if (values.length === 0) expect(facts.statements[0]?.text).toContain('<REDACTED>')
    else expect(facts.statements[0]?.secret_parameters).toBe(!by_value.test(text))
  })
})

describe('a secret in a text that is refused', () => {
  it.each([...refused, ...prompted].map(filled))('$text', async ({ text, values }) => {
    expect(tracesIn(`${text} ${values.join()}`)).not.toEqual([])
    const facts = await analyseNow(text)
    // The grammar takes a parameter where the server does not.
    if (values.length === 0) expect(facts.status).toBe('syntax_error')
    expect(tracesIn(shown(facts))).toEqual([])
    expect(facts.statements[0]?.secret_parameters).toBe(true)
  })
})

describe('no secret', () => {
  it.each(harmless.map(filled))('$text', async ({ text, values }) => {
    const { status, statements } = await analyseNow(text)
    expect(statements.map((statement) => statement.text)).toEqual([text])
    if (status === 'parsed' && values.length > 0) {
      expect(statements[0]?.secret_parameters).toBe(false)
    }
  })
})

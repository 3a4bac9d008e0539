import { describe, expect, it } from 'vitest'
import { analyseNow } from '../../../src/sql/analyse-now.js'
import type { StatementFacts } from '../../../src/sql/facts.js'
import { accepted, harmless, refused } from './corpus.js'
import { filled, tracesIn } from './marks.js'

/** Everything of a statement's facts that a record may show. */
function shown({ effects, secret_parameters, ...rest }: StatementFacts): unknown {
  const told = effects.flatMap((effect) => {
    if (effect.kind === 'prepare') return [effect.text, shown(effect.statement)]
    if (effect.kind === 'declare_cursor') return [effect.name, shown(effect.statement)]
    return effect.kind === 'execute' && !secret_parameters ? [effect.name] : []
  })
  return { ...rest, told }
}

describe('a secret in a statement', () => {
  // What the arguments of an EXECUTE are depends on the PREPARE: see test/integration/secrets.
  const { EXECUTE: _, ...readable } = accepted
  const entries = Object.entries(readable).flatMap(([command, each]) =>
    each.map((entry) => ({ command, ...filled(entry) })),
  )
  it.each(entries)('$text', async ({ command, text, values }) => {
    const facts = await analyseNow(text)
    expect(facts.status).toBe('parsed')
    expect(facts.statements).toHaveLength(1)
    expect(tracesIn(JSON.stringify(facts.statements.map(shown)))).toEqual([])
    expect(tracesIn(facts.other_reading?.text ?? '')).toEqual([])
    expect(facts.statements[0]?.command).toBe(command)
    const generic = text.includes('$1') && !/crypt|set_config|dblink|md5|pgp/.test(text)
    if (values.length === 0) expect(facts.statements[0]?.text).toContain('<REDACTED>')
    else if (!generic) expect(facts.statements[0]?.secret_parameters).toBe(true)
  })
})

describe('a secret in a text that is refused', () => {
  it.each(refused.map(filled))('$text', async ({ text }) => {
    const facts = await analyseNow(text)
    expect(tracesIn(JSON.stringify([facts.statements.map(shown), facts.problem]))).toEqual([])
    expect(facts.statements.every((statement) => statement.secret_parameters)).toBe(true)
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

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { RuleCondition, RuleConfig } from '../../src/config/config.js'
import { compileRules } from '../../src/rules/compile-rules.js'
import type { RuleSubject } from '../../src/rules/decision.js'
import { bareSubject, objectFrom, subjectOf } from './subject.js'

/** One line of a page's second block. */
interface Case extends Partial<Omit<RuleSubject, 'objects'>> {
  readonly objects?: readonly string[]
  readonly time?: string
  readonly rules: readonly string[]
}

interface DocumentedRule extends RuleCondition {
  readonly name: string
  readonly except?: RuleCondition | readonly RuleCondition[]
}

const page = readFileSync(new URL('../../docs/rules.md', import.meta.url), 'utf8')
const blocks = Array.from(page.matchAll(/^```yaml\n(.*?)^```/gms), ([, block]) => block ?? '')

/** What the configuration makes of a rule as the page writes it. */
function normalise({ except, ...rule }: DocumentedRule): RuleConfig {
  return except === undefined ? rule : { ...rule, except: [except].flat() }
}

function subjectFrom({ objects, time, rules: _, ...given }: Case): RuleSubject {
  const [hour, minute] = (time ?? '12:00').split(':').map(Number)
  const time_us = Date.UTC(2026, 10, 21, hour, minute) * 1000
  const statement = given.class !== 'CONNECT'
  const subject = statement
    ? subjectOf({ ...given, time_us, objects: (objects ?? []).map(objectFrom) })
    : bareSubject({ ...given, time_us })
  return { ...subject, failed: given.outcome === 'failure' }
}

describe('docs/rules.md', () => {
  it('has configurations and cases in turn', () => {
    expect(blocks.length).toBeGreaterThanOrEqual(10)
    expect(blocks.length % 2).toBe(0)
  })

  for (let index = 0; index < blocks.length; index += 2) {
    const config = parse(blocks[index] ?? '') as { rules: DocumentedRule[] }
    const set = compileRules({ rules: config.rules.map(normalise) }, 'UTC')
    for (const documented of parse(blocks[index + 1] ?? '') as Case[]) {
      it(`example ${index / 2 + 1}: ${JSON.stringify(documented)}`, () => {
        expect(set.decide(subjectFrom(documented)).rules).toEqual(documented.rules)
      })
    }
  }
})

import type { StatementFacts, TextFacts } from '../../../src/sql/facts.js'

/** What of a statement's facts a record may show: not the settings, which the session keeps. */
function shownOf({ effects, secret_parameters, ...rest }: StatementFacts): unknown {
  const told = effects.map((effect) => {
    if (effect.kind === 'prepare') return [effect.text, shownOf(effect.statement)]
    if (effect.kind === 'declare_cursor') return [effect.name, shownOf(effect.statement)]
    return effect.kind
  })
  return { ...rest, told }
}

/** All that a record could tell of a text, as one string. */
export function shown(facts: TextFacts): string {
  const { statements, other_reading, problem } = facts
  return JSON.stringify([statements.map(shownOf), other_reading?.text, problem])
}

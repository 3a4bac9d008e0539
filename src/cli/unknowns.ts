import type { ResolvedObject } from '../catalog/names.js'
import { quoteIdentifier } from '../catalog/quote-identifier.js'
import type { StatementFacts } from '../sql/facts.js'
import type { ExplainedSession } from './explain-session.js'
import { oneLine } from './terminal-text.js'

/** What stays unknown of a statement before the server has answered, and why. */
export function unknownsOf(
  statement: StatementFacts,
  objects: readonly ResolvedObject[],
  session: ExplainedSession,
  is_opaque: boolean,
): readonly string[] {
  const lines: string[] = []
  if (is_opaque) lines.push('what it does: its objects and effects are not known')
  const global = new Set(
    statement.objects
      .filter(({ lookup }) => lookup === 'global')
      .map(({ name }) => quoteIdentifier(name)),
  )
  lines.push(
    ...namesUnknown(
      objects.filter(({ name }) => !global.has(name)),
      session,
    ),
  )
  const calls = statement.built_in_calls
  if (calls !== undefined && session.catalog === undefined) {
    lines.push(
      `${calls.join(', ')}: taken for functions of pg_catalog; the catalog may have others first`,
    )
  }
  for (const effect of statement.effects) {
    if (effect.kind === 'execute' && session.prepared(effect.name) === undefined) {
      const name = quoteIdentifier(effect.name)
      lines.push(`what ${name} stands for: no statement before this one prepares it`)
    }
    if (effect.kind === 'fetch' && !session.declares(effect.name)) {
      const name = quoteIdentifier(effect.name)
      lines.push(`what ${name} reads: no statement before this one declares it`)
    }
    if (effect.kind === 'opaque') {
      lines.push(`what its code does; behind it are in doubt: ${effect.forgets.join(', ')}`)
    }
  }
  return lines.map(oneLine)
}

function namesUnknown(
  objects: readonly ResolvedObject[],
  session: ExplainedSession,
): readonly string[] {
  const names = (resolved: ResolvedObject['resolved']) => [
    ...new Set(objects.filter((each) => each.resolved === resolved).map(({ name }) => name)),
  ]
  const [assumed, none] = [names('assumed'), names('none')]
  if (session.catalog === undefined) {
    const all = [...assumed, ...none]
    return all.length === 0
      ? []
      : [`${all.join(', ')}: schema, kind, owner and views; ${session.problem ?? 'no catalog'}`]
  }
  return [
    ...(none.length === 0 ? [] : [`${none.join(', ')}: not in the catalog under this search_path`]),
    ...(assumed.length === 0
      ? []
      : [`${assumed.join(', ')}: assumed, since the catalog does not tell for certain`]),
  ]
}

import type { StatementFacts } from '../sql/facts.js'
import { unseen_effects } from './execution-builder.js'
import type { ParseRequest } from './requests.js'
import type { SessionState } from './session-state.js'
import { shownStatement } from './shown-statement.js'
import type { PreparedStatement } from './statement-table.js'

/**
 * The statement that a Parse has made, or would have made; `made` is its moment for the doubts about
 * names.
 */
export function preparedBy(
  event: ParseRequest,
  state: SessionState,
  made: number,
): PreparedStatement {
  const { facts } = event.text.ticket
  const statements = facts?.statements ?? []
  const statement = statements.length > 1 ? together(statements) : statements[0]
  const answered = event.fate === 'answered'
  return {
    name: event.name,
    text: event.text,
    statement: shownStatement(event.text, facts, statement),
    prepared_text: undefined,
    parameter_types: event.parameter_types,
    time_us: event.time_us,
    made,
    plan: answered ? state.plan('statement', statement, state.context) : undefined,
    used: false,
  }
}

/**
 * Several statements in one Parse: the server refuses them, unless it reads the text otherwise
 * than the grammar does. Then it may do what any of them does.
 */
function together(statements: readonly StatementFacts[]): StatementFacts {
  return {
    start: statements[0]?.start ?? 0,
    end: statements.at(-1)?.end ?? 0,
    text: statements.map((statement) => statement.text).join('; '),
    node: '',
    class: 'WRITE',
    command: statements[0]?.command ?? '',
    tags: ['*'],
    objects: statements.flatMap((statement) => statement.objects),
    effects: unseen_effects,
    secret_parameters: true,
    reason: 'Several statements in one Parse: the server reads this text otherwise.',
  }
}

/** A name that nobody was seen to prepare. */
export function unknownStatement(name: string, time_us: number): PreparedStatement {
  return {
    name,
    text: undefined,
    statement: undefined,
    prepared_text: undefined,
    parameter_types: [],
    time_us,
    made: Number.POSITIVE_INFINITY,
    plan: undefined,
    used: true,
  }
}

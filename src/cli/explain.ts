import type { ResolvedObject } from '../catalog/names.js'
import type { Config } from '../config/config.js'
import { loadConfig } from '../config/load.js'
import {
  type Effect,
  type StatementClass,
  type StatementFacts,
  statement_class_strength,
  type TextFacts,
} from '../sql/facts.js'
import { describeEffect } from './describe-effect.js'
import { describeResolved } from './describe-object.js'
import { ExplainedSession, type WhoAsks } from './explain-session.js'
import { previewRules, type RulePreview } from './preview-rules.js'
import { oneLine } from './terminal-text.js'
import { unknownsOf } from './unknowns.js'
import { whyClass } from './why-class.js'

/** What the command line says of a text beside the text. */
export interface ExplainOptions extends WhoAsks {
  /** The configuration whose rules are asked, and whose catalog block says how to read names. */
  readonly config?: string
  readonly upstream?: string
  /** True to read the text as a replication connection does. */
  readonly replication: boolean
  /** False to leave the catalog unread. */
  readonly catalog: boolean
}

/** What every statement of a text is explained with. */
interface Explanation {
  readonly session: ExplainedSession
  readonly rules: RulePreview | undefined
  readonly facts: TextFacts
}

/**
 * Prints what pgwitness makes of a text, statement by statement: what a record of it would say,
 * and why. With a configuration, also which rules would ask for that record; with its catalog, what
 * the names mean.
 */
export async function explain(sql: string, options: ExplainOptions): Promise<number> {
  const config = configOf(options)
  const { facts, notes } = await factsOf(sql, options.replication)
  const known = {
    ...(options.user === undefined ? {} : { user: options.user }),
    ...(options.database === undefined ? {} : { database: options.database }),
  }
  const rules = config === undefined ? undefined : await previewRules(config, known)
  const session = await ExplainedSession.open(config, options, options.catalog)
  try {
    const lines = [...notes, ...notesOf(facts, session), ...statementsOf({ session, rules, facts })]
    process.stdout.write(`${lines.join('\n')}\n`)
    return 0
  } finally {
    await session.close()
  }
}

function configOf({ config, upstream }: ExplainOptions): Config | undefined {
  if (config === undefined && upstream === undefined) return undefined
  return loadConfig({
    ...(config === undefined ? {} : { file: config }),
    env: process.env,
    flags: upstream === undefined ? {} : { upstream },
  })
}

/** Facts of the text as SQL, or as a replication command where it is one. */
async function factsOf(
  sql: string,
  replication: boolean,
): Promise<{ readonly facts: TextFacts; readonly notes: readonly string[] }> {
  const { replicationFacts, replicationKeyword } = await import('../sql/replication-command.js')
  const { analyseNow } = await import('../sql/analyse-now.js')
  const keyword = replicationKeyword(sql)
  if (keyword !== undefined && replication)
    return { facts: replicationFacts(sql, keyword), notes: [] }
  const facts = await analyseNow(sql)
  if (keyword !== undefined && facts.status === 'syntax_error') {
    const notes = ['no SQL, but a replication command: read as on a replication connection']
    return { facts: replicationFacts(sql, keyword), notes }
  }
  const notes = replication ? ['no replication command: such a connection reads it as SQL'] : []
  return { facts, notes }
}

function notesOf(facts: TextFacts, session: ExplainedSession): readonly string[] {
  const problem = facts.problem === undefined ? '' : `: ${oneLine(facts.problem)}`
  const notes = {
    parsed: facts.statements.length === 0 ? ['an empty query: nothing to run, no record'] : [],
    syntax_error: [
      `not valid SQL${problem}`,
      'recorded as at least WRITE, until the server answers',
    ],
    unparsed: [`could not be analysed${problem}`, 'recorded as at least WRITE; matches every rule'],
  } as const satisfies Record<TextFacts['status'], readonly string[]>
  return [
    ...notes[facts.status],
    ...(facts.other_reading === undefined
      ? []
      : [
          'reads otherwise where backslashes escape: then `ambiguous`, at least WRITE, shown whole',
        ]),
    ...(session.problem === undefined || session.is_meant_to_have_none
      ? []
      : [`the catalog could not be read: ${oneLine(session.problem)}`]),
  ]
}

function statementsOf({ session, rules, facts }: Explanation): readonly string[] {
  const is_opaque = facts.status !== 'parsed'
  return facts.statements.flatMap((own, index) => {
    const number = index + 1
    const statement = session.joined(own)
    const objects = session.resolve(statement)
    const names = objects.length === 0 ? [] : [session.path, session.place]
    const doubtful = session.isDoubtful(own)
    const shown_class = raised(statement.class, objects, doubtful)
    const lines = explainStatement(statement, objects, session, shown_class)
    const preview = rules?.(
      { ...statement, class: shown_class },
      { objects, opaque: is_opaque || doubtful },
    )
    session.done(own, number)
    return [
      `statement ${number} of ${facts.statements.length}`,
      ...lines,
      ...row('names', names),
      ...row('unknown', unknownsOf(own, objects, session, is_opaque)),
      ...row('rules', preview ?? []),
    ]
  })
}

/**
 * What stands behind a name that nobody has prepared is at least WRITE; and only the catalog tells
 * that a call may reach a function of the user: it is then no mere READ.
 */
function raised(
  of_text: StatementClass,
  objects: readonly ResolvedObject[],
  doubtful: boolean,
): StatementClass {
  if (doubtful)
    return statement_class_strength[of_text] > statement_class_strength.WRITE ? of_text : 'WRITE'
  const weak = of_text === 'READ' || of_text === 'MISC'
  return weak && objects.some((object) => object.class === 'FUNCTION') ? 'FUNCTION' : of_text
}

function explainStatement(
  statement: StatementFacts,
  objects: readonly ResolvedObject[],
  session: ExplainedSession,
  final_class: StatementClass,
): readonly string[] {
  const grants = statement.grants?.map(({ privilege, grantee }) => `${privilege} for ${grantee}`)
  const redacted = statement.text.includes('<REDACTED>')
  return [
    ...row('text', [oneLine(statement.text)]),
    ...row('class', [final_class]),
    ...row('command', [commandOf(statement)]),
    ...row('why', whyClass(statement, objects, final_class)),
    ...row(
      'objects',
      objects.map((object) => describeResolved(object, session.grants(object))),
    ),
    ...row(
      'effects',
      statement.effects.map((effect) => describeEffect(redacted ? withoutValues(effect) : effect)),
    ),
    ...row('grants', grants ?? []),
    ...row('secrets', redacted ? ['replaced in the text and in what the server says of it'] : []),
    ...row('parameters', statement.secret_parameters ? ['left out: they may hold a secret'] : []),
  ]
}

/** What a statement with a secret sets may be the secret. */
function withoutValues(effect: Effect): Effect {
  return effect.kind === 'set' && effect.values !== null
    ? { ...effect, values: ['<REDACTED>'] }
    : effect
}

function commandOf({ command, tags }: StatementFacts): string {
  if (command === '') return 'whatever tag the server answers'
  const others = tags.filter((tag) => tag !== command && tag !== '*')
  const open = tags.includes('*') ? ', or whatever tag the server answers' : ''
  return `${[command, ...others].join(' or ')}${open}`
}

/** A label and its lines; nothing at all when there are none. */
function row(label: string, lines: readonly string[]): readonly string[] {
  return lines.map((line, index) => `  ${(index === 0 ? label : '').padEnd(11)}${line}`)
}

import type { ResolvedObject } from '../catalog/names.js'
import type { AuditClass, Outcome } from '../rules/decision.js'
import type { Access } from '../sql/facts.js'
import type { AuditRecord, SessionPart } from './audit-record.js'
import { connectMessage } from './connect-message.js'
import { csvColumn, quotedCsv } from './csv-text.js'
import { formatZoned } from './format-time.js'
import { valueJson } from './json-text.js'

/** The columns of the format, by the names of the table that the model's manual loads them into. */
export const csv_columns = [
  'header',
  'class',
  'sql_start_time',
  'remote_host_name',
  'backend_process_id',
  'application_name',
  'session_user_name',
  'database_name',
  'virtual_transaction_id',
  'statement_id',
  'substatement_id',
  'command_tag',
  'sqlstate',
  'object_type',
  'object_name',
  'error_message',
  'sql',
  'parameter',
] as const

const no_parameters = '<none>'
const unlogged_parameters = '<not logged>'

/** What the format, which has no column for it, says in the message of how a statement ended. */
const outcome_notes = {
  success: undefined,
  failure: undefined,
  cancelled: undefined,
  suspended: 'suspended: not all rows were fetched',
  skipped: 'skipped: not executed after an earlier error',
  prepared: 'prepared: never executed',
  unknown: 'outcome unknown: the connection was lost',
} as const satisfies Record<Outcome, string | undefined>

/** SYSTEM and AUDIT records tell of errors, too, but are not failures of a client's request. */
function isFailure(record: AuditRecord): boolean {
  if (record.class === 'AUDIT' || record.class === 'SYSTEM') return false
  if (record.outcome === 'failure' || record.outcome === 'cancelled') return true
  if (record.outcome === 'success' || record.sqlstate === undefined) return false
  return !record.sqlstate.startsWith('00')
}

/** Columns 4 to 8, which are the same for all records of a session. */
const session_columns = new WeakMap<SessionPart, string>()

function renderSessionColumns(session: SessionPart | undefined): string {
  if (session === undefined) return ',,,,'
  const known = session_columns.get(session)
  if (known !== undefined) return known
  const application = session.application === '' ? undefined : session.application
  const text = [
    session.client_ip,
    session.pid?.toString(),
    application ?? '[unknown]',
    session.user,
    session.database,
  ]
    .map(csvColumn)
    .join(',')
  session_columns.set(session, text)
  return text
}

/** Column 9; like PostgreSQL's virtual transaction id it has 0 outside of a transaction. */
function transactionColumn({ session, transaction }: AuditRecord): string {
  return session === undefined ? '' : `${session.id}/${transaction?.id ?? 0}`
}

/** Column 13: the model leaves it empty for a statement that succeeded. */
function sqlstateColumn(record: AuditRecord, class_name: AuditClass): string {
  if (class_name === 'CONNECT' || class_name === 'SYSTEM') {
    return csvColumn(record.sqlstate ?? '00000')
  }
  return record.sqlstate === '00000' ? '' : csvColumn(record.sqlstate)
}

/** What a reader must know that no other column has room for. */
function* notes(record: AuditRecord): Generator<string> {
  const { phase, outcome, analysis, statement, parameters, parameters_cut } = record
  if (phase === 'start') yield 'started: still running'
  const outcome_note = outcome === undefined ? undefined : outcome_notes[outcome]
  if (outcome_note !== undefined) yield outcome_note
  if (analysis !== undefined) yield `analysis: ${analysis}`
  if (statement?.prepared !== undefined) yield `runs: ${statement.prepared}`
  if (statement?.length !== undefined) {
    yield `statement cut: length=${statement.length} sha256=${statement.sha256 ?? ''}`
  }
  if (parameters_cut === true && parameters !== undefined) yield 'parameters cut'
}

/** Column 16: the server's message, the event's words or its detail, and the notes. */
function messageColumn(record: AuditRecord): string {
  const { class: class_name, detail } = record
  const words = class_name === 'CONNECT' ? connectMessage(record) : undefined
  const parts = [words, record.message].filter((part) => part !== undefined)
  // PostgreSQL's own words of a connection say what its detail does.
  if (detail !== undefined && words === undefined) parts.push(valueJson(detail))
  parts.push(...notes(record))
  return parts.length === 0 ? '' : csvColumn(parts.join('; '))
}

/** Column 18: a CSV line of its own, in which NULL is nothing and '' is `""`. */
function parametersColumn({ statement, parameters, parameters_cut }: AuditRecord): string {
  if (statement === undefined) return ''
  if (parameters === undefined && parameters_cut === true) return unlogged_parameters
  if (parameters === undefined || parameters.length === 0) return no_parameters
  const [only] = parameters
  // A single value that reads like one of the two words is told from it by its quotes.
  if (parameters.length === 1 && (only === no_parameters || only === unlogged_parameters)) {
    return csvColumn(quotedCsv(only))
  }
  return csvColumn(parameters.map(csvColumn).join(','))
}

/** The columns that do not differ between the lines of one record. */
interface Frame {
  /** The class that all lines bear; undefined when each object has its own. */
  readonly class_name: AuditClass | undefined
  /** The tag that goes with it, ready to be written. */
  readonly tag: string
  /** Columns 3 to 10. */
  readonly before: string
  /** Column 13. */
  readonly sqlstate: string
  /** Columns 16 to 18. */
  readonly after: string
}

function renderFrame(record: AuditRecord, time_zone: string): Frame {
  const objects = record.objects ?? []
  const shared_class = isFailure(record) ? 'ERROR' : record.class
  // As in pgaudit, an object's line says what was done with it: the source of an INSERT … SELECT
  // is READ. A class that no object explains is still the statement's and must be seen.
  const own_classes = objects.some((object) => object.class === shared_class)
  // The model has no tag for events that are no commands; their message tells what they are.
  const has_tag = record.class !== 'CONNECT' && record.command !== ''
  return {
    class_name: own_classes ? undefined : shared_class,
    tag: has_tag ? csvColumn(record.command) : '',
    before:
      `${formatZoned(record.time_us, time_zone)},${renderSessionColumns(record.session)}` +
      `,${transactionColumn(record)},${record.statement?.id ?? ''}`,
    sqlstate: sqlstateColumn(record, shared_class),
    after:
      `${messageColumn(record)},${csvColumn(record.statement?.text)}` +
      `,${parametersColumn(record)}`,
  }
}

/** What pgaudit has as the command of an object that another command touches on its way. */
function ownTag(object: ResolvedObject, record: AuditRecord, tag: string): string {
  if (object.class === 'FUNCTION') return tag === 'CALL' ? tag : 'EXECUTE'
  if (object.class === record.class) return tag
  if (object.class === 'READ') return 'SELECT'
  const write = object.access.find((access) => write_access.has(access))
  return object.class === 'WRITE' && write !== undefined ? write.toUpperCase() : tag
}

const write_access: ReadonlySet<Access> = new Set(['insert', 'update', 'delete', 'truncate'])

/** The line of the object at an index; of a record without objects when there is none. */
function renderLine(
  prefix: 'AUDIT: SESSION' | 'AUDIT: OBJECT',
  record: AuditRecord,
  frame: Frame,
  index: number,
): string {
  const object = record.objects?.[index]
  const substatement = record.statement === undefined && object === undefined ? '' : index + 1
  const own = frame.class_name === undefined && object !== undefined
  const class_name = own ? object.class : (frame.class_name ?? record.class)
  const tag = own ? ownTag(object, record, frame.tag) : frame.tag
  const type = object === undefined || object.type === '' ? '' : csvColumn(object.type)
  return (
    `${prefix},${class_name},${frame.before},${substatement},${tag},${frame.sqlstate}` +
    `,${type},${csvColumn(object?.name)},${frame.after}`
  )
}

/**
 * Renders a record in the 18 columns of the refactored pgaudit: a SESSION line for each object of
 * the statement (or one without), if session auditing asked for the record, then an OBJECT line for
 * each audited object. Lines are divided by LF, with none after the last; a quoted column may hold
 * line ends of its own. There is always at least one line. `time_zone` is an IANA name; throws
 * `config.invalid` when there is no such zone.
 */
export function renderCsv(record: AuditRecord, time_zone: string): string {
  const objects = record.objects ?? []
  const frame = renderFrame(record, time_zone)
  const audited = objects.some((object) => object.audited === true)
  const session_audited = record.session_audited ?? !(audited && record.rules?.length === 0)
  const lines: string[] = []
  if (session_audited || !audited) {
    const count = Math.max(1, objects.length)
    for (let index = 0; index < count; index++) {
      lines.push(renderLine('AUDIT: SESSION', record, frame, index))
    }
  }
  for (const [index, object] of objects.entries()) {
    if (object.audited === true) lines.push(renderLine('AUDIT: OBJECT', record, frame, index))
  }
  return lines.join('\n')
}

import type { ResolvedObject } from '../catalog/names.js'
import { limits } from '../lib/limits.js'
import { rememberLast } from '../lib/remember-last.js'
import type { Analysis, AuditRecord, SessionPart, StatementPart } from '../record/audit-record.js'
import { clipText } from '../record/clip-text.js'
import { renderParameters } from '../record/render-parameters.js'
import type { AuditClass, RuleSet, RuleSubject } from '../rules/decision.js'
import type { Execution } from '../session/execution.js'
import { classOfCommandTag, parseCommandTag } from '../sql/command-tag.js'
import { type StatementClass, statement_class_strength } from '../sql/facts.js'
import { redactUnparsedText } from '../sql/redact-unparsed.js'
import { isSpeakingName, redactValue } from '../sql/redact-value.js'
import { redacted } from '../sql/secret-names.js'
import type { AuditorParts } from './auditor-parts.js'

/** While it is being put together. */
type Writable<T> = { -readonly [Key in keyof T]: T[Key] }

/** What a record says a statement is, from the parse and from the server's tag. */
export interface Classification {
  readonly class: AuditClass
  readonly command: string
  readonly analysis: Analysis | undefined
  /** True when class and objects could be anything, so that every positive rule key matches. */
  readonly opaque: boolean
}

/** How much of texts and values a record may hold, in bytes. */
export interface RecordLimits {
  readonly statement_max_bytes: number
}

/** SQLSTATE syntax_error: the server refused the text as our grammar did. */
const syntax_error = '42601'
/** Cursor and prepared statement that do not exist: nothing was run. */
const missing_names: ReadonlySet<string> = new Set(['34000', '26000'])

/**
 * Class and command of an execution. The server's tag may raise the class, never lower it; what
 * could not be understood is at least WRITE.
 */
export function classify(execution: Execution): Classification {
  const { statement, status } = execution
  if (execution.step === 'FunctionCall') {
    const opaque = statement === undefined
    return { class: 'FUNCTION', command: 'FUNCTION CALL', analysis: undefined, opaque }
  }
  if (nothingRan(execution)) {
    return { class: 'ERROR', command: '', analysis: undefined, opaque: false }
  }
  const tag = execution.tag === '' ? undefined : parseCommandTag(execution.tag).command
  const tag_class = tag === undefined ? undefined : classOfCommandTag(tag)
  if (statement === undefined || status !== 'parsed' || statement.node === '') {
    return {
      class: strongest('WRITE', tag_class),
      command: tag ?? statement?.command ?? '',
      analysis: 'unparsed',
      opaque: true,
    }
  }
  const agrees = tag === undefined || statement.tags.includes('*') || statement.tags.includes(tag)
  if (!agrees) {
    return {
      class: strongest(strongest('WRITE', statement.class), tag_class),
      command: tag,
      analysis: 'mismatch',
      opaque: true,
    }
  }
  if (execution.ambiguous || execution.doubted) {
    return {
      class: strongest(strongest('WRITE', statement.class), tag_class),
      command: (execution.doubted ? tag : undefined) ?? statement.command,
      analysis: 'ambiguous',
      opaque: true,
    }
  }
  const raised = strongest(statement.class, statement.tags.includes('*') ? tag_class : undefined)
  return {
    class: raised,
    command: statement.command,
    analysis: raised === statement.class ? undefined : 'tag',
    opaque: false,
  }
}

/** True when the server's answer contradicts our parse: another tag, or it ran what ours refuses. */
export function disagrees(execution: Execution, { analysis }: Classification): boolean {
  if (analysis === 'mismatch') return true
  if (execution.ambiguous) return false
  return execution.status === 'syntax_error' && execution.outcome === 'success'
}

/**
 * Only the catalog tells that a call may reach a function of the user: the statement is then no
 * mere READ.
 */
export function raisedByCalls(
  classification: Classification,
  objects: readonly ResolvedObject[],
): Classification {
  if (classification.class !== 'READ' && classification.class !== 'MISC') return classification
  if (!objects.some((object) => object.class === 'FUNCTION')) return classification
  return { ...classification, class: 'FUNCTION' }
}

/**
 * The record of one execution, or undefined when neither a rule nor object auditing wants it. With
 * `phase` it is the record of a statement that is still running, without an outcome; `answering`
 * is one whose rows are about to be shown, which to the rules is a success so far.
 */
export function statementRecord(
  execution: Execution,
  classification: Classification,
  objects: readonly ResolvedObject[],
  session: SessionPart,
  rules: RuleSet,
  bounds: RecordLimits,
  phase?: 'start' | 'answering',
): AuditRecord | undefined {
  const failed = execution.outcome === 'failure' || execution.outcome === 'cancelled'
  const sqlstate = sqlstateOf(execution)
  const decision = rules.decide(
    subjectOf(execution, classification, objects, session, failed, sqlstate, phase),
  )
  if (!decision.record) return undefined
  const message = messageOf(execution)
  const rows = rowsOf(execution)
  const grants = execution.statement?.grants
  const { analysis } = classification
  // Members are added one by one: a spread for each that may be absent costs ten times as much.
  const record: Writable<AuditRecord> = {
    time_us: execution.start_us,
    class: classification.class,
    command: classification.command,
    rules: decision.rules,
    session_audited: decision.session,
    session,
    transaction: { id: execution.transaction_id, state: execution.transaction_state },
    objects,
    statement: statementPart(execution, session.id, bounds),
  }
  if (phase === undefined) {
    record.outcome = execution.outcome
    record.duration_us = Math.max(0, execution.end_us - execution.start_us)
  } else {
    record.phase = 'start'
  }
  if (sqlstate !== undefined) record.sqlstate = sqlstate
  if (message !== '') record.message = message
  if (rows !== undefined) record.rows = rows
  if (execution.bytes_in >= 0) record.bytes_in = execution.bytes_in
  if (execution.bytes_out > 0 || execution.copied_out) record.bytes_out = execution.bytes_out
  if (grants !== undefined) record.grants = grants
  if (analysis !== undefined) record.analysis = analysis
  addParameters(record, execution)
  return record
}

function nothingRan(execution: Execution): boolean {
  // An error at Sync belongs to no statement.
  if (execution.step === 'Sync') return true
  if (execution.outcome !== 'failure') return false
  if (execution.status === 'syntax_error') return execution.sqlstate === syntax_error
  if (execution.statement !== undefined && !execution.doubted) return false
  return missing_names.has(execution.sqlstate)
}

function strongest(a: StatementClass, b: StatementClass | undefined): StatementClass {
  if (b === undefined) return a
  return statement_class_strength[b] > statement_class_strength[a] ? b : a
}

function subjectOf(
  execution: Execution,
  classification: Classification,
  objects: readonly ResolvedObject[],
  session: SessionPart,
  failed: boolean,
  sqlstate: string | undefined,
  phase: 'start' | 'answering' | undefined,
): RuleSubject {
  const subject: Writable<RuleSubject> = {
    class: classification.class,
    command: classification.command,
    client: session.client_ip,
    objects,
    time_us: execution.start_us,
    failed,
    opaque: classification.opaque,
  }
  if (session.user !== undefined) subject.user = session.user
  if (session.database !== undefined) subject.database = session.database
  if (session.application !== undefined) subject.application = session.application
  if (phase === undefined) subject.outcome = execution.outcome
  if (sqlstate !== undefined) subject.sqlstate = sqlstate
  if (phase === 'answering') {
    subject.outcome = 'success'
    subject.sqlstate = '00000'
  }
  return subject
}

function sqlstateOf(execution: Execution): string | undefined {
  if (execution.sqlstate !== '') return execution.sqlstate
  return execution.outcome === 'success' || execution.outcome === 'suspended' ? '00000' : undefined
}

/**
 * The text of the statement. The arguments of an EXECUTE are secret where those of the PREPARE
 * behind it are, or where nobody knows what is behind it: then what follows the name goes.
 */
function textOf(execution: Execution): string {
  const { statement, prepared_text, text } = execution
  const secret = prepared_text !== undefined && statement?.secret_parameters === true
  if (!secret && !executesUnknown(execution)) return text
  const open = argumentsOf(text)
  return open < 0 ? text : `${text.slice(0, open + 1)}${redacted})`
}

const execute_word = /\bexecute\b/gi
/** A name and the end of its statement: the same in every reading of the text. */
const ends_without_arguments = /\s*(?:\w+|"[\w\s]+")\s*;/y

/**
 * Where the arguments of an EXECUTE begin at the earliest. A text that reads in two ways may hold
 * other statements before and behind: one that ends right after its name has none.
 */
function argumentsOf(text: string): number {
  // A pattern that held the parenthesis too would begin anew at every such word in a comment.
  for (execute_word.lastIndex = 0; execute_word.test(text); ) {
    ends_without_arguments.lastIndex = execute_word.lastIndex
    if (!ends_without_arguments.test(text)) return text.indexOf('(', execute_word.lastIndex)
  }
  return -1
}

/** True for an EXECUTE of a name that we have not seen being prepared: it may not even exist. */
function executesUnknown(execution: Execution): boolean {
  if (execution.status !== 'parsed' || execution.statement?.node !== '') return false
  return execution.effects.some(({ kind }) => kind === 'execute')
}

/** Quotation marks of the languages that the server speaks. */
const quotation_mark = /["'\u00ab\u00bb\u2018-\u201f\u2039\u203a\u300c-\u300f\uff02]/

const isRedacted = rememberLast((text) => text.includes(redacted))

function holdsSecret(execution: Execution): boolean {
  const { statement, bound, prepared_text, text, length } = execution
  // Of a text that nobody has read only its length is known.
  if (text === '' && length !== undefined) return true
  if (prepared_text !== undefined && isRedacted(prepared_text)) return true
  if (isRedacted(textOf(execution))) return true
  return statement?.secret_parameters === true && bound !== undefined && bound.values.length > 0
}

/** What the record says of the error: the server's words without the secrets that they quote. */
export function messageOf(execution: Execution): string {
  if (execution.message !== '') {
    // The server quotes what it could not understand: where text or values hold a secret, its words may.
    const quote = holdsSecret(execution) ? execution.message.search(quotation_mark) : -1
    return quote < 0
      ? redactValue(execution.message)
      : `${execution.message.slice(0, quote)}${redacted}`
  }
  if (execution.outcome === 'failure' && execution.tag === 'ROLLBACK') {
    return 'the server answered ROLLBACK: the transaction had failed before'
  }
  return ''
}

/** Rows of the tag, or DataRows that crossed where there is no tag with a count. */
function rowsOf(execution: Execution): number | undefined {
  const tagged = execution.tag === '' ? undefined : parseCommandTag(execution.tag).rows
  if (tagged !== undefined) return tagged
  return execution.data_rows > 0 || execution.outcome === 'suspended'
    ? execution.data_rows
    : undefined
}

function statementPart(
  execution: Execution,
  session_id: number,
  bounds: RecordLimits,
): StatementPart {
  const clipped = clipText(textOf(execution), textBytes(execution, bounds))
  const length = execution.length ?? clipped.length
  const sha256 = execution.sha256 ?? clipped.sha256
  const part: Writable<StatementPart> = {
    uid: `${session_id}.${execution.uid}`,
    id: execution.id,
    protocol: execution.protocol,
    text: clipped.text,
  }
  if (execution.name !== undefined) part.name = nameOf(execution.name)
  if (execution.prepared_text !== undefined) {
    part.prepared = clipText(execution.prepared_text, bounds.statement_max_bytes).text
  }
  if (length !== undefined) part.length = length
  if (sha256 !== undefined) part.sha256 = sha256
  return part
}

/** The records of one Query repeat a long text of theirs only a few times. */
function textBytes(execution: Execution, { statement_max_bytes }: RecordLimits): number {
  const repeated_chars = execution.repetition * execution.text.length
  if (repeated_chars <= limits.repeated_text_chars) return statement_max_bytes
  return Math.min(statement_max_bytes, limits.repeated_beginning_bytes)
}

/**
 * Some drivers name a statement by its text, which may hold a secret. The server compares some 63
 * bytes of it, whatever comes: of a long one only the beginning is looked at, and shown.
 */
function nameOf(name: string): string {
  if (name.length > limits.redacted_here_chars) {
    return `${nameOf(name.slice(0, limits.redacted_here_chars))} ${redacted}`
  }
  return isSpeakingName(name) ? redactUnparsedText(name) : name
}

function addParameters(record: Writable<AuditRecord>, execution: Execution): void {
  const { bound } = execution
  if (bound === undefined) {
    const values = execution.literal_parameters
    if (values === undefined) return
    record.parameters = executesUnknown(execution) ? values.map(hidden) : values.map(withoutSecrets)
    return
  }
  if (bound.cut) record.parameters_cut = true
  if (bound.values.length === 0) return
  const secret = execution.statement === undefined || execution.statement.secret_parameters
  record.parameters = secret
    ? bound.values.map(hidden)
    : renderParameters(bound.values, bound.formats, execution.parameter_types).map(withoutSecrets)
}

function hidden(value: unknown): string | null {
  return value === null ? null : redacted
}

function withoutSecrets(value: string | null): string | null {
  return value === null ? null : redactValue(value)
}

/** Tells the operator of an answer that the parsed text does not account for. */
export function warnOfMismatch(
  execution: Execution,
  classification: Classification,
  session: number,
  parts: Pick<AuditorParts, 'log' | 'metrics'>,
): void {
  parts.metrics.mismatch()
  parts.log.warn(
    {
      code: 'analysis.mismatch',
      session,
      tag: execution.tag,
      expected: execution.statement?.tags,
      class: classification.class,
    },
    'the server answered what does not fit the parse of the statement',
  )
}

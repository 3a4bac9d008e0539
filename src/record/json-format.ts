import type { ResolvedObject } from '../catalog/names.js'
import { limits } from '../lib/limits.js'
import type { AuditRecord, SessionPart, StatementPart } from './audit-record.js'
import { formatUtc } from './format-time.js'
import { flatText, numberJson, quoteJson, textsJson, valueJson } from './json-text.js'

/** `,"key":…` for a text that may be absent. */
function textMember(key: string, value: string | undefined): string {
  return value === undefined ? '' : `,"${key}":${quoteJson(value)}`
}

/** `,"key":…` for a number that may be absent. */
function numberMember(key: string, value: number | undefined): string {
  return value === undefined ? '' : `,"${key}":${numberJson(value)}`
}

/** Renders once for each object that ever comes: what is rendered is never changed. */
function once<Part extends object>(render: (part: Part) => string): (part: Part) => string {
  const rendered = new WeakMap<Part, string>()
  return (part) => {
    const known = rendered.get(part)
    if (known !== undefined) return known
    const text = flatText(render(part))
    rendered.set(part, text)
    return text
  }
}

/** The object of the key `session`, cached by the part's identity. */
export const renderSession: (part: SessionPart) => string = once(
  (part) =>
    `{"id":${numberJson(part.id)}${numberMember('pid', part.pid)}${textMember('user', part.user)}` +
    `${textMember('role', part.role)}${textMember('database', part.database)}` +
    `${textMember('application', part.application)},"client_ip":${quoteJson(part.client_ip)}` +
    `${numberMember('client_port', part.client_port)}${textMember('tls', part.tls)}` +
    `${textMember('auth', part.auth)}${textMember('server', part.server)}` +
    `${textMember('user_info', part.user_info)}}`,
)

function renderObject(object: ResolvedObject): string {
  const columns = object.columns === undefined ? '' : `,"columns":${textsJson(object.columns)}`
  return (
    `{"name":${quoteJson(object.name)},"type":${quoteJson(object.type)},"class":"${object.class}"` +
    `,"access":${textsJson(object.access)}${columns}${textMember('owner', object.owner)}` +
    `${textMember('via', object.via)}${object.audited === true ? ',"audited":true' : ''}` +
    `,"resolved":"${object.resolved}"}`
  )
}

/** The array of the key `objects`, cached by identity. */
export const renderObjects: (objects: readonly ResolvedObject[]) => string = once(
  (objects: readonly ResolvedObject[]) => `[${objects.map(renderObject).join(',')}]`,
)

const renderRules: (rules: readonly string[]) => string = once(textsJson)

/** Longer texts are rendered anew each time, so that the kept ones are at most some megabytes. */
const kept_text_length = 4_096

const kept_texts = new Map<string, string>()

/** Texts that came once: most that hold their literals never come again, and are not worth keeping. */
const seen_texts = new Set<string>()

/** A statement's text as a JSON string. Some texts come again and again. */
function quoteStatement(text: string): string {
  if (text.length > kept_text_length) return quoteJson(text)
  const known = kept_texts.get(text)
  if (known !== undefined) return known
  if (!seen_texts.has(text)) {
    if (seen_texts.size >= limits.rendered_texts) seen_texts.clear()
    seen_texts.add(text)
    return quoteJson(text)
  }
  const quoted = flatText(quoteJson(text))
  if (kept_texts.size >= limits.rendered_texts) kept_texts.clear()
  kept_texts.set(text, quoted)
  return quoted
}

function renderStatement(part: StatementPart): string {
  return (
    `{"uid":${quoteJson(part.uid)},"id":${numberJson(part.id)},"protocol":"${part.protocol}"` +
    `${textMember('name', part.name)}${textMember('prepared', part.prepared)}` +
    `${numberMember('length', part.length)}${textMember('sha256', part.sha256)}` +
    `,"text":${quoteStatement(part.text)}}`
  )
}

function parametersJson(parameters: readonly (string | null)[]): string {
  let text = ''
  for (const value of parameters) {
    if (text !== '') text += ','
    text += value === null ? 'null' : quoteJson(value)
  }
  return `[${text}]`
}

function renderGrants(grants: NonNullable<AuditRecord['grants']>): string {
  const items = grants.map(
    ({ privilege, grantee }) =>
      `{"privilege":${quoteJson(privilege)},"grantee":${quoteJson(grantee)}}`,
  )
  return `[${items.join(',')}]`
}

/** What most records of a command have in common, kept because it is most of their short texts. */
interface KeptHeading {
  readonly class_name: AuditRecord['class']
  readonly phase: AuditRecord['phase']
  readonly outcome: AuditRecord['outcome']
  readonly sqlstate: AuditRecord['sqlstate']
  readonly text: string
}

/** The last heading of each command. */
const kept_headings = new Map<string, KeptHeading>()

/** `class` to `sqlstate`. */
function renderHeading(record: AuditRecord): string {
  const { class: class_name, command, phase, outcome, sqlstate } = record
  const kept = kept_headings.get(command)
  if (
    kept !== undefined &&
    kept.class_name === class_name &&
    kept.outcome === outcome &&
    kept.sqlstate === sqlstate &&
    kept.phase === phase
  ) {
    return kept.text
  }
  const text = flatText(
    `,"class":"${class_name}","command":${quoteJson(command)}` +
      `${phase === undefined ? '' : ',"phase":"start"'}` +
      `${outcome === undefined ? '' : `,"outcome":"${outcome}"`}${textMember('sqlstate', sqlstate)}`,
  )
  if (kept_headings.size >= limits.rendered_texts) kept_headings.clear()
  kept_headings.set(command, { class_name, phase, outcome, sqlstate, text })
  return text
}

/** What happened and what came of it: `time` to `duration_us`. */
function renderEvent(record: AuditRecord): string {
  return (
    `,"time":"${formatUtc(record.time_us)}"${renderHeading(record)}` +
    `${textMember('message', record.message)}` +
    `${numberMember('rows', record.rows)}${numberMember('bytes_in', record.bytes_in)}` +
    `${numberMember('bytes_out', record.bytes_out)}` +
    `${numberMember('duration_us', record.duration_us)}`
  )
}

/** Who did it and to what: `rules` to `analysis`. */
function renderContext(record: AuditRecord): string {
  const { rules, session, transaction, objects, grants, analysis, statement } = record
  let text = ''
  if (rules !== undefined) text += `,"rules":${renderRules(rules)}`
  else if (statement !== undefined) text += ',"rules":[]'
  if (session !== undefined) text += `,"session":${renderSession(session)}`
  if (transaction !== undefined) {
    text += `,"transaction":{"id":${numberJson(transaction.id)},"state":"${transaction.state}"}`
  }
  if (objects !== undefined) text += `,"objects":${renderObjects(objects)}`
  else if (statement !== undefined) text += ',"objects":[]'
  if (grants !== undefined) text += `,"grants":${renderGrants(grants)}`
  if (analysis !== undefined) text += `,"analysis":"${analysis}"`
  return text
}

/** What was sent: `statement` to `detail`. */
function renderContent(record: AuditRecord): string {
  const { statement, parameters, parameters_cut, detail } = record
  let text = ''
  if (statement !== undefined) text += `,"statement":${renderStatement(statement)}`
  if (parameters !== undefined) text += `,"parameters":${parametersJson(parameters)}`
  if (parameters_cut === true) text += ',"parameters_cut":true'
  if (detail !== undefined) text += `,"detail":${valueJson(detail)}`
  return text
}

/**
 * Renders a record as JSON without its head, which the trail puts before it (`renderHead`): begins
 * with `"instance":`, ends with `}`, holds no line end. Parts that several records share (session,
 * objects, rules) are rendered once for each identity, so they must not change afterwards.
 */
export function renderJson(record: AuditRecord, instance: string): string {
  return (
    `"instance":${quoteJson(instance)}${renderEvent(record)}` +
    `${renderContext(record)}${renderContent(record)}}`
  )
}

/** The head of a JSON record: `{"v":1,"trail":…,"epoch":…,"seq":…,`. */
export function renderHead(trail: string, epoch: number, seq: number | bigint): string {
  return `{"v":1,"trail":${quoteJson(trail)},"epoch":${epoch},"seq":${seq},`
}

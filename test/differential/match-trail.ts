import type { TrailRecord } from '../support/proxy.js'
import type { ServerEvent } from './server-events.js'

/** Statements that are nothing, and what may stand between two statements of one Query. */
const blank = /^(?:[\s;]|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*$/

/** One line for each event, as the server and as the trail tells of it: to be the same. */
export interface Comparison {
  readonly server: readonly string[]
  readonly trail: readonly string[]
}

/**
 * Lays the records of one session beside the server's events, in the order of both. Rules:
 * - `prepared` and `skipped` records are of what the server did not run, save the statements of a
 *   Query behind the one that failed;
 * - a Query is one event and as many records as it has statements: in their order they make up its
 *   text; the one that failed has the event's SQLSTATE, and those behind it are `skipped`;
 * - a Query of nothing is logged and leaves no record; an Execute of nothing is the other way round;
 * - COMMIT of a failed transaction is answered ROLLBACK: a success to the server, a failure to us;
 * - what our text leaves out for a secret (arguments of an EXECUTE that nobody knows) may be anything;
 * - a FATAL error without a statement is that of the session's `disconnection`;
 * - `unknown` is what the client did not wait for the answer of: the last ones of a session.
 */
export function matchTrail(
  logged: readonly ServerEvent[],
  records: readonly TrailRecord[],
): Comparison {
  const events = logged.filter(({ kind, text }) => kind !== 'query' || !blank.test(text))
  const left = records.filter((record) => record['phase'] !== 'start' && !isOfNothing(record))
  const trail: string[] = []
  for (const event of events) {
    while (isNotRun(left[0])) left.shift()
    const mine = isOfQuery(event, left[0]) ? takeQuery(event, left) : left.splice(0, 1)
    trail.push(mine.length === 0 ? 'no record' : told(event, mine, left, events))
  }
  // Sessions also end by errors of ours, which the server has not logged.
  const over = left.filter((record) => !isNotRun(record) && record.statement !== undefined)
  return {
    server: events.map((event) => line(event.sqlstate, event.text)),
    trail: [
      ...trail,
      ...over.map((record) => `not logged: ${line(sqlstateOf(record), record.statement?.text)}`),
    ],
  }
}

function isNotRun(record: TrailRecord | undefined): boolean {
  return record?.outcome === 'prepared' || record?.outcome === 'skipped'
}

function isOfNothing({ outcome, statement }: TrailRecord): boolean {
  return (
    statement?.['protocol'] === 'extended' && outcome === 'success' && blank.test(statement.text)
  )
}

function isOfQuery(event: ServerEvent, next: TrailRecord | undefined): boolean {
  if (event.kind === 'query') return true
  return event.text !== '' && event.kind !== 'execute' && next?.statement?.['protocol'] === 'simple'
}

/** Takes the records whose texts make up the text of a Query. */
function takeQuery({ text }: ServerEvent, left: TrailRecord[]): TrailRecord[] {
  const mine: TrailRecord[] = []
  for (let at = 0; ; ) {
    const next = left[0]?.statement
    // Without a text of its own it is the error that ends the session.
    if (next?.['protocol'] !== 'simple' || next.text === '') return mine
    if (blank.test(text.slice(at))) return mine
    const place = placeOf(text, next.text, at)
    if (place === undefined || !blank.test(text.slice(at, place.begin))) return mine
    at = place.begin + Number(next['length'] ?? place.length)
    mine.push(...left.splice(0, 1))
  }
}

/** Where a record's text stands in that of the server, from `at` on. */
function placeOf(
  text: string,
  own: string,
  at: number,
): { readonly begin: number; readonly length: number } | undefined {
  const [first = '', ...others] = own.split('<REDACTED>')
  if (others.length === 0) {
    const begin = text.indexOf(own, at)
    return begin === -1 ? undefined : { begin, length: own.length }
  }
  const pattern = new RegExp([first, ...others].map(literally).join('[^;]*?'), 'g')
  pattern.lastIndex = at
  const found = pattern.exec(text)
  return found === null ? undefined : { begin: found.index, length: found[0].length }
}

function literally(part: string): string {
  return part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}

/** The text without that of the record. */
function without(text: string, own: string): string {
  const place = placeOf(text, own, 0)
  if (place === undefined) return text
  return text.slice(0, place.begin) + text.slice(place.begin + place.length)
}

/** What the records say in place of the event; `left` are those behind them. */
function told(
  event: ServerEvent,
  mine: readonly TrailRecord[],
  left: readonly TrailRecord[],
  events: readonly ServerEvent[],
): string {
  const failed = mine.find((record) => sqlstateOf(record) !== '00000')
  const behind = failed === undefined ? [] : mine.slice(mine.indexOf(failed) + 1)
  const is_unanswered = failed?.outcome === 'unknown' && left.every(isUnanswered)
  if (is_unanswered && behind.every(isUnanswered)) return line(event.sqlstate, event.text)
  if (behind.some(({ outcome }) => outcome !== 'skipped')) return 'went on behind an error'
  const sqlstate = failed === undefined ? '00000' : sqlstateOf(failed)
  // Where the server has no text, ours is more than it knows.
  return line(sqlstate, event.text === '' ? '' : toldText(event, mine, events))
}

function isUnanswered(record: TrailRecord): boolean {
  return record.outcome === 'unknown' || isNotRun(record)
}

/** The event's text, if the records' texts are those of it. */
function toldText(
  { kind, text }: ServerEvent,
  mine: readonly TrailRecord[],
  events: readonly ServerEvent[],
): string {
  const [first] = mine
  const own = first?.statement?.text ?? ''
  // What is longer than statement_max is cut.
  if (first?.statement?.['length'] !== undefined) return text.startsWith(own) ? text : own
  const rest = mine.reduce((all, { statement }) => without(all, statement?.text ?? ''), text)
  if (blank.test(rest)) return text
  // A cursor that was declared by a Query has all of that Query's text to the server.
  const is_declared = events.some((event) => event.kind === 'query' && event.text === text)
  return kind === 'execute' && is_declared && text.includes(own) ? text : own
}

function sqlstateOf({ outcome, sqlstate, statement }: TrailRecord): string {
  // A suspended portal has done what it was asked.
  if (outcome === 'suspended') return '00000'
  if (sqlstate !== undefined) return sqlstate
  const is_commit = /^(?:COMMIT|END|PREPARE TRANSACTION)/i.test(statement?.text ?? '')
  return is_commit && outcome === 'failure' ? '00000' : `no SQLSTATE (${outcome})`
}

function line(sqlstate: string, text = ''): string {
  return `${sqlstate} ${text.trim()}`
}

import { type StatementClass, statement_class_strength } from '../../../src/sql/facts.js'
import type { TrailRecord } from '../../support/proxy.js'
import type { AuditLine, AuditUnit } from './audit-log.js'

/** One thing that pgaudit or a record says of a statement. */
export interface Claim {
  readonly about: 'statement' | 'class' | 'command' | 'relation' | 'object' | 'function' | 'audited'
  /** The class under which it is counted. */
  readonly class: string
  /** What is said, such as `select app.account` or `TABLE app.account`. */
  readonly says: string
}

/** One statement as both tell of it. */
export interface Pair {
  readonly session: string
  readonly record: TrailRecord
  readonly unit: AuditUnit
  /** pgaudit's lines with the text that the client sent, or that of the PREPARE behind an EXECUTE. */
  readonly top: readonly AuditLine[]
  /** Its lines of what ran inside. */
  readonly nested: readonly AuditLine[]
  readonly log_relation: boolean
  /** Grants may have changed before, and perhaps no reading of the catalog shows it yet. */
  readonly grants_in_doubt: boolean
}

/** The outcome for one claim. */
export interface Verdict {
  readonly side: 'agree' | 'ours only' | 'pgaudit only'
  readonly claim: Claim
  readonly pair: Pair
}

const verbs = ['insert', 'update', 'delete', 'select'] as const
type Verb = (typeof verbs)[number]

/** An object of a record, as far as it is compared. */
export interface RecordObject {
  readonly name: string
  readonly type: string
  readonly class: string
  readonly access: readonly string[]
  readonly via?: string
  readonly audited?: boolean
  readonly resolved: string
}

export function objectsOf(record: TrailRecord): readonly RecordObject[] {
  return (record.objects ?? []) as unknown as readonly RecordObject[]
}

/** Types whose names stand in a query as relations. */
export const relation_types: ReadonlySet<string> = new Set([
  'TABLE',
  'VIEW',
  'MATERIALIZED VIEW',
  'SEQUENCE',
  'FOREIGN TABLE',
])

/** Lays one statement's record beside pgaudit's lines of it. */
export function compare(pair: Pair): Verdict[] {
  const { record, top, nested } = pair
  const verdicts: Verdict[] = nested.map((line) => ({
    side: 'pgaudit only',
    claim: { about: 'statement', class: line.class, says: `nested ${line.command}` },
    pair,
  }))
  const own: Claim = { about: 'statement', class: record.class, says: record.command }
  if (top.length === 0) return [...verdicts, { side: 'ours only', claim: own, pair }]
  const compared = [
    ...sets(pair, 'class', [record.class], [strongest(top)]),
    ...commands(pair),
    ...(pair.log_relation ? relations(pair) : []),
    ...definitions(pair),
    ...calls(pair),
    ...audits(pair),
  ]
  return [...verdicts, ...compared]
}

/** The strongest class of pgaudit's lines, by the order of docs/records.md. */
function strongest(lines: readonly AuditLine[]): string {
  const strength = (name: string) => statement_class_strength[name as StatementClass] ?? -1
  const session = lines.filter(({ type }) => type === 'SESSION')
  return session.map((line) => line.class).reduce((a, b) => (strength(b) > strength(a) ? b : a), '')
}

function commands(pair: Pair): Verdict[] {
  const theirs = new Set(pair.top.map(({ command }) => command))
  const command = pair.record.command
  return sets(pair, 'command', [command], [theirs.has(command) ? command : [...theirs].join('+')])
}

/** Two sets of words, one claim for each. */
function sets(
  pair: Pair,
  about: Claim['about'],
  ours: readonly string[],
  theirs: readonly string[],
): Verdict[] {
  const verdict = (side: Verdict['side'], says: string): Verdict => ({
    side,
    claim: { about, class: pair.record.class, says },
    pair,
  })
  const [mine, other] = [new Set(ours), new Set(theirs)]
  return [
    ...[...mine].map((says) => verdict(other.has(says) ? 'agree' : 'ours only', says)),
    ...[...other].filter((says) => !mine.has(says)).map((says) => verdict('pgaudit only', says)),
  ]
}

/** `select name` for every relation; pgaudit names the strongest of what is done to one. */
function relations(pair: Pair): Verdict[] {
  const named = pair.top.filter(
    (line) => line.type === 'SESSION' && isVerb(line.command) && line.object_name !== '',
  )
  const theirs = named.map(
    (line) => `${line.command.toLowerCase()} ${line.object_type} ${line.object_name}`,
  )
  const objects = objectsOf(pair.record).filter(
    ({ type, class: name }) => relation_types.has(type) && (name === 'READ' || name === 'WRITE'),
  )
  const mine = objects.flatMap(({ name, type, access }) =>
    verbs.filter((verb) => access.includes(verb)).map((verb) => `${verb} ${type} ${name}`),
  )
  // A weaker use of a relation that pgaudit has told the strongest of is no claim of its own.
  const told = new Set(theirs.map(withoutVerb))
  const strongest_use = mine.filter((use, at) => {
    if (theirs.includes(use)) return true
    const first = mine.findIndex((other) => withoutVerb(other) === withoutVerb(use))
    return first === at || !told.has(withoutVerb(use))
  })
  return sets(pair, 'relation', strongest_use, theirs)
}

function withoutVerb(use: string): string {
  return use.slice(use.indexOf(' ') + 1)
}

function isVerb(command: string): command is Uppercase<Verb> {
  return verbs.some((verb) => verb.toUpperCase() === command)
}

/**
 * Argument types as both spell them: pgaudit writes `(integer,pg_catalog.text)` and `()` for an
 * aggregate over all rows.
 */
function spelled(name: string): string {
  const at = name.indexOf('(')
  if (at === -1) return name
  const types = name.slice(at).replaceAll('pg_catalog.', '').replaceAll(', ', ',')
  return `${name.slice(0, at)}${types === '(*)' ? '()' : types}`
}

const ddl_access: ReadonlySet<string> = new Set(['create', 'alter', 'drop', 'grant'])

function definitions(pair: Pair): Verdict[] {
  const theirs = pair.top
    .filter((line) => (line.class === 'DDL' || line.class === 'ROLE') && line.object_type !== '')
    .map((line) => `${line.object_type} ${spelled(line.object_name)}`.trim())
  const ours = objectsOf(pair.record)
    .filter((object) => object.access.some((access) => ddl_access.has(access)))
    .map((object) => `${object.type} ${spelled(object.name)}`)
  // A grant's lines tell the kind of object alone.
  const kinds = new Set(theirs)
  const plain = pair.record.command.match(/^(GRANT|REVOKE|ALTER DEFAULT PRIVILEGES)$/)
  if (plain === null) return sets(pair, 'object', ours, theirs)
  const told = ours.map((says) => [...kinds].find((kind) => says.startsWith(`${kind} `)) ?? says)
  return sets(pair, 'object', told, theirs)
}

function calls(pair: Pair): Verdict[] {
  const theirs = pair.top
    .filter((line) => line.class === 'FUNCTION' && line.command === 'EXECUTE')
    .map((line) => line.object_name)
  const ours = objectsOf(pair.record)
    .filter((object) => object.class === 'FUNCTION' && object.access.includes('execute'))
    .map(({ name }) => name)
  return sets(pair, 'function', ours, theirs)
}

function audits(pair: Pair): Verdict[] {
  const theirs = pair.top.filter(({ type }) => type === 'OBJECT').map((line) => line.object_name)
  const ours = objectsOf(pair.record)
    .filter(({ audited }) => audited === true)
    .map(({ name }) => name)
  return sets(pair, 'audited', ours, theirs)
}

import { z } from 'zod'
import { statementsOf, type TrailRecord } from '../support/proxy.js'

/** What a driver's program says of one statement that it, or the driver by itself, has issued. */
const issued_schema = z.strictObject({
  /** The session: the last word of its application_name. */
  session: z.string(),
  /** The text of the statement, or of statements that the driver makes: how they begin. */
  text: z.string().optional(),
  text_starts: z.string().optional(),
  outcome: z.enum([
    'success',
    'failure',
    'suspended',
    'cancelled',
    'skipped',
    'prepared',
    'unknown',
  ]),
  /** Of a failure, as the driver has seen it. */
  sqlstate: z.string().optional(),
  /** Rows as the driver has counted them; not compared where it does not count. */
  rows: z.number().optional(),
  /** Values as texts; absent where there were none, or with `text_starts` where they do not matter. */
  parameters: z.array(z.union([z.string(), z.null()])).optional(),
  protocol: z.enum(['simple', 'extended', 'function']).optional(),
  bytes_in: z.number().optional(),
})

/** The one line that is not of a statement: versions of the driver and what it is built on. */
const version_schema = z.strictObject({ version: z.string() })

export type Issued = z.output<typeof issued_schema>

/** What a program printed: its driver's version, and the statements in their order. */
export interface Confession {
  readonly version: string
  readonly issued: readonly Issued[]
}

/** Reads the lines of JSON that a program prints. */
export function readConfession(output: string): Confession {
  const [first = '{}', ...lines] = output.trim().split('\n')
  const { version } = version_schema.parse(JSON.parse(first))
  return { version, issued: lines.map((line) => issued_schema.parse(JSON.parse(line))) }
}

/** Statements by session, each as an object of what is compared. */
export type BySession = Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>

/**
 * Expected and recorded, side by side, so that they are equal when the trail tells each statement
 * once, in order, and no other. Keys that the program leaves open are left out on both sides.
 */
export function sideBySide(
  issued: readonly Issued[],
  records: readonly TrailRecord[],
  prefix: string,
): { readonly expected: BySession; readonly recorded: BySession } {
  const expected = groupBy(issued, ({ session }) => session)
  const ended = statementsOf(records).filter(({ phase }) => phase === undefined)
  const recorded = groupBy(ended, sessionName(records, prefix))
  const shown: Record<string, Readonly<Record<string, unknown>>[]> = {}
  for (const [session, group] of recorded) {
    shown[session] = group.map((record, index) =>
      recordShown(record, expected.get(session)?.[index]),
    )
  }
  return {
    expected: Object.fromEntries(
      [...expected].map(([session, group]) => [session, group.map(issuedShown)]),
    ),
    recorded: shown,
  }
}

/** The last word of the application's name that a session began with; a driver may change it. */
function sessionName(
  records: readonly TrailRecord[],
  prefix: string,
): (record: TrailRecord) => string {
  const names = new Map<unknown, string>()
  for (const { session } of records) {
    const application = String(session?.['application'] ?? '')
    if (application.startsWith(`${prefix} `) && !names.has(session?.['id'])) {
      names.set(session?.['id'], application.slice(prefix.length + 1))
    }
  }
  return ({ session }) => names.get(session?.['id']) ?? `unnamed session ${session?.['id']}`
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(key(item))
    if (group === undefined) groups.set(key(item), [item])
    else group.push(item)
  }
  return groups
}

function issuedShown(issued: Issued): Readonly<Record<string, unknown>> {
  const { session: _, text_starts, ...shown } = issued
  return text_starts === undefined ? shown : { ...shown, text: `${text_starts}…` }
}

function recordShown(
  record: TrailRecord,
  issued: Issued | undefined,
): Readonly<Record<string, unknown>> {
  const text = record.statement?.text ?? ''
  const starts = issued?.text_starts
  const left_open = starts !== undefined && issued?.parameters === undefined
  const failed = record.outcome === 'failure' || record.outcome === 'cancelled'
  return {
    text: starts !== undefined && text.startsWith(starts) ? `${starts}…` : text,
    outcome: record.outcome,
    ...(failed ? { sqlstate: record.sqlstate } : {}),
    ...(issued?.rows === undefined ? {} : { rows: record.rows }),
    ...(record.parameters === undefined || left_open ? {} : { parameters: record.parameters }),
    ...(issued?.protocol === undefined ? {} : { protocol: record.statement?.['protocol'] }),
    ...(issued?.bytes_in === undefined ? {} : { bytes_in: record['bytes_in'] }),
  }
}

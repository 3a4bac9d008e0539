import { z } from 'zod'
import type { AuditRecord, SessionPart } from './audit-record.js'
import { csvColumns } from './csv-columns.js'
import { csv_columns } from './csv-format.js'

export type CsvColumnName = (typeof csv_columns)[number]

/** A line of the CSV format by its columns; null for what stands empty. */
export type CsvRow = Readonly<Record<CsvColumnName, string | null>>

const statement_class = z.enum(['READ', 'WRITE', 'FUNCTION', 'ROLE', 'DDL', 'MISC', 'BACKUP'])
const audit_class = z.enum([...statement_class.options, 'CONNECT', 'ERROR', 'SYSTEM', 'AUDIT'])

/** Reads a line of the CSV format; undefined for what has not its 18 columns. */
export function parseCsvRow(line: string): CsvRow | undefined {
  const values = csvColumns(line)
  if (values.length !== csv_columns.length || !values[0]?.startsWith('AUDIT: ')) return undefined
  const entries = csv_columns.map((name, index) => [name, values[index] ?? null] as const)
  return Object.fromEntries(entries) as CsvRow
}

/**
 * What a line of the CSV format says, as a record: less than the record that it was made from. A
 * line has one object, with the line's class; names stand as they are, since no column tells which
 * are in doubt; of outcomes only failures are told. Undefined for a line that is none.
 */
export function recordOfRow(row: CsvRow): AuditRecord | undefined {
  const parsed_class = audit_class.safeParse(row.class)
  const time_us = timeOf(row.sql_start_time ?? '')
  if (!parsed_class.success || time_us === undefined) return undefined
  const { data: class_name } = parsed_class
  const failed = class_name === 'ERROR' || (row.sqlstate !== null && row.sqlstate !== '00000')
  const is_statement = row.sql !== null
  const session = sessionOf(row)
  return {
    time_us,
    class: class_name,
    command: row.command_tag ?? '',
    ...(is_statement || failed ? { outcome: failed ? 'failure' : 'success' } : {}),
    ...(row.sqlstate === null ? {} : { sqlstate: row.sqlstate }),
    ...(row.error_message === null ? {} : { message: row.error_message }),
    ...(session === undefined ? {} : { session }),
    ...(is_statement ? { objects: objectsOf(row) } : {}),
    ...(is_statement ? { statement: statementOf(row) } : {}),
  }
}

function sessionOf(row: CsvRow): SessionPart | undefined {
  if (row.remote_host_name === null) return undefined
  const [id = '0'] = (row.virtual_transaction_id ?? '').split('/')
  return {
    id: Number(id),
    client_ip: row.remote_host_name,
    ...(row.backend_process_id === null ? {} : { pid: Number(row.backend_process_id) }),
    ...(row.session_user_name === null ? {} : { user: row.session_user_name }),
    ...(row.database_name === null ? {} : { database: row.database_name }),
    ...(row.application_name === null ? {} : { application: row.application_name }),
  }
}

function objectsOf(row: CsvRow): NonNullable<AuditRecord['objects']> {
  if (row.object_name === null) return []
  const parsed = statement_class.safeParse(row.class)
  const audited = row.header === 'AUDIT: OBJECT' ? { audited: true } : {}
  return [
    {
      name: row.object_name,
      type: row.object_type ?? '',
      class: parsed.success ? parsed.data : 'MISC',
      access: [],
      ...audited,
      resolved: 'catalog',
    },
  ]
}

function statementOf(row: CsvRow): NonNullable<AuditRecord['statement']> {
  const [session = '0'] = (row.virtual_transaction_id ?? '').split('/')
  const id = Number(row.statement_id ?? 0)
  return { uid: `${session}.${id}`, id, protocol: 'simple', text: row.sql ?? '' }
}

/** `2018-11-04 19:00:49.123+09`, as PostgreSQL prints a time with its offset. */
function timeOf(text: string): number | undefined {
  const match =
    /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d{3})([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?$/.exec(text)
  if (match === null) return undefined
  const [, date, time, sign, hours = '0', minutes = '0', seconds = '0'] = match
  const offset_s = Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds)
  const local_ms = Date.parse(`${date}T${time}Z`)
  return (local_ms - (sign === '-' ? -offset_s : offset_s) * 1_000) * 1_000
}

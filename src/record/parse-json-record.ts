import { z } from 'zod'
import type { AuditRecord } from './audit-record.js'

const text = z.string()
const number = z.number()
const statement_classes = ['READ', 'WRITE', 'FUNCTION', 'ROLE', 'DDL', 'MISC', 'BACKUP'] as const
const accesses = [
  ...(['select', 'insert', 'update', 'delete', 'truncate', 'execute'] as const),
  ...(['create', 'alter', 'drop', 'grant', 'reference'] as const),
] as const
const outcomes = [
  ...(['success', 'failure', 'suspended', 'cancelled', 'skipped', 'prepared', 'unknown'] as const),
] as const

const session = z.object({
  id: number,
  pid: number.exactOptional(),
  user: text.exactOptional(),
  role: text.exactOptional(),
  database: text.exactOptional(),
  application: text.exactOptional(),
  client_ip: text,
  client_port: number.exactOptional(),
  tls: text.exactOptional(),
  auth: text.exactOptional(),
  server: text.exactOptional(),
  user_info: text.exactOptional(),
})

const object = z.object({
  name: text,
  type: text,
  class: z.enum(statement_classes),
  access: z.array(z.enum(accesses)),
  columns: z.array(text).exactOptional(),
  owner: text.exactOptional(),
  via: text.exactOptional(),
  audited: z.boolean().exactOptional(),
  resolved: z.enum(['catalog', 'assumed', 'none']),
})

const statement = z.object({
  uid: text,
  id: number,
  protocol: z.enum(['simple', 'extended', 'function', 'replication']),
  name: text.exactOptional(),
  prepared: text.exactOptional(),
  length: number.exactOptional(),
  sha256: text.exactOptional(),
  text,
})

const stored_record = z.object({
  time: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
  class: z.enum([...statement_classes, 'CONNECT', 'ERROR', 'SYSTEM', 'AUDIT']),
  command: text,
  phase: z.literal('start').exactOptional(),
  outcome: z.enum(outcomes).exactOptional(),
  sqlstate: text.exactOptional(),
  message: text.exactOptional(),
  rows: number.exactOptional(),
  bytes_in: number.exactOptional(),
  bytes_out: number.exactOptional(),
  duration_us: number.exactOptional(),
  rules: z.array(text).exactOptional(),
  session: session.exactOptional(),
  transaction: z.object({ id: number, state: z.enum(['idle', 'open', 'failed']) }).exactOptional(),
  objects: z.array(object).exactOptional(),
  grants: z.array(z.object({ privilege: text, grantee: text })).exactOptional(),
  analysis: z.enum(['tag', 'mismatch', 'unparsed', 'ambiguous']).exactOptional(),
  statement: statement.exactOptional(),
  parameters: z.array(z.union([text, z.null()])).exactOptional(),
  parameters_cut: z.boolean().exactOptional(),
  detail: z.record(text, z.unknown()).exactOptional(),
})

/** Reads a line of the JSON format back; undefined for what is no record of this version. */
export function parseJsonRecord(line: string): AuditRecord | undefined {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return undefined
  }
  const parsed = stored_record.safeParse(value)
  if (!parsed.success) return undefined
  const { time, ...record } = parsed.data
  // Three of the six digits are more than Date.parse keeps.
  const time_us = Date.parse(`${time.slice(0, 23)}Z`) * 1000 + Number(time.slice(23, 26))
  return { time_us, ...record }
}

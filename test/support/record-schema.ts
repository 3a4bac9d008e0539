import { z } from 'zod'
import { detail_schemas } from '../../src/record/detail.js'

const text = z.string()
const name = z.string().min(1)
const count = z.int().nonnegative()
const ordinal = z.int().positive()
const sqlstate = z.string().regex(/^[0-9A-Z]{5}$/)

/** The keys of a record as the file formats promise them, in their order. */
const record_shape = {
  v: z.literal(1),
  trail: name,
  epoch: ordinal,
  seq: ordinal,
  instance: name,
  time: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
  class: z.enum([
    'READ',
    'WRITE',
    'FUNCTION',
    'ROLE',
    'DDL',
    'MISC',
    'CONNECT',
    'ERROR',
    'SYSTEM',
    'BACKUP',
    'AUDIT',
  ]),
  command: text,
  phase: z.literal('start').optional(),
  outcome: z
    .enum(['success', 'failure', 'suspended', 'cancelled', 'skipped', 'prepared', 'unknown'])
    .optional(),
  sqlstate: sqlstate.optional(),
  message: name.optional(),
  rows: count.optional(),
  bytes_in: count.optional(),
  bytes_out: count.optional(),
  duration_us: count.optional(),
  rules: z.array(name).optional(),
  session: z
    .strictObject({
      id: ordinal,
      pid: ordinal.optional(),
      user: name.optional(),
      role: name.optional(),
      database: name.optional(),
      application: text.optional(),
      client_ip: name,
      client_port: ordinal.optional(),
      tls: name.optional(),
      auth: name.optional(),
      server: name.optional(),
      user_info: text.optional(),
    })
    .optional(),
  transaction: z
    .strictObject({ id: ordinal, state: z.enum(['idle', 'open', 'failed']) })
    .optional(),
  objects: z
    .array(
      z.strictObject({
        name,
        type: text,
        class: z.enum(['READ', 'WRITE', 'FUNCTION', 'ROLE', 'DDL', 'MISC', 'BACKUP']),
        access: z.array(
          z.enum([
            'select',
            'insert',
            'update',
            'delete',
            'truncate',
            'execute',
            'create',
            'alter',
            'drop',
            'grant',
            'reference',
          ]),
        ),
        columns: z.array(name).optional(),
        owner: name.optional(),
        via: name.optional(),
        audited: z.literal(true).optional(),
        resolved: z.enum(['catalog', 'assumed', 'none']),
      }),
    )
    .optional(),
  grants: z.array(z.strictObject({ privilege: name, grantee: name })).optional(),
  analysis: z.enum(['tag', 'mismatch', 'unparsed', 'ambiguous']).optional(),
  statement: z
    .strictObject({
      uid: z.string().regex(/^\d+\.\d+$/),
      id: ordinal,
      protocol: z.enum(['simple', 'extended', 'function', 'replication']),
      name: name.optional(),
      prepared: name.optional(),
      length: ordinal.optional(),
      sha256: z
        .string()
        .regex(/^[0-9a-f]{64}$/)
        .optional(),
      text,
    })
    .optional(),
  parameters: z.array(z.union([text, z.null()])).optional(),
  parameters_cut: z.literal(true).optional(),
  detail: z.record(z.string(), z.unknown()).optional(),
} as const

const record_schema = z.strictObject(record_shape)

export type CheckedRecord = z.output<typeof record_schema>

/** Parts whose keys have an order of their own. */
const part_shapes = {
  '': Object.keys(record_shape),
  session: Object.keys(record_shape.session.unwrap().shape),
  transaction: ['id', 'state'],
  statement: Object.keys(record_shape.statement.unwrap().shape),
} as const

const object_keys = Object.keys(record_shape.objects.unwrap().element.shape)

function schemaOfDetail(command: string): z.ZodType | undefined {
  const schemas: Readonly<Record<string, z.ZodType>> = detail_schemas
  return Object.hasOwn(schemas, command) ? schemas[command] : undefined
}

function inOrder(part: unknown, keys: readonly string[]): boolean {
  if (typeof part !== 'object' || part === null) return true
  const places = Object.keys(part).map((key) => keys.indexOf(key))
  return places.every((place, index) => place > (places[index - 1] ?? -1))
}

/** What the table of the file format says beyond the types of single keys. */
function* rulesBroken(record: CheckedRecord): Generator<string> {
  const { statement, outcome, phase } = record
  if (statement !== undefined) {
    for (const key of ['session', 'transaction', 'rules', 'objects'] as const) {
      if (record[key] === undefined) yield `a statement without ${key}`
    }
    if ((phase === undefined) !== (outcome !== undefined)) yield 'outcome and phase do not fit'
    if ((phase === undefined) !== (record.duration_us !== undefined)) yield 'duration is wrong'
    if ((statement.length === undefined) !== (statement.sha256 === undefined)) {
      yield 'a cut text has length and sha256'
    }
    if (!statement.uid.startsWith(`${record.session?.id}.`)) yield 'uid of another session'
  }
  if (outcome === 'success' && statement !== undefined && record.sqlstate !== '00000') {
    yield 'a success without 00000'
  }
  if (outcome === 'failure' && record.command !== 'transaction end') {
    if (record.sqlstate === '00000' || record.message === undefined) yield 'failure without words'
  }
  if (outcome === 'cancelled' && record.sqlstate !== '57014') yield 'cancelled without 57014'
  if ((record.class === 'AUDIT') !== record.command.startsWith('audit.')) yield 'AUDIT and its name'
  if (record.class === 'AUDIT' && record.session !== undefined) yield 'AUDIT has no session'
  if (record.class === 'CONNECT' && record.session === undefined) yield 'CONNECT has a session'
  const schema = schemaOfDetail(record.command)
  if (record.detail !== undefined && schema === undefined) yield 'a detail that nobody described'
  if (record.class === 'AUDIT' && record.detail === undefined) yield 'AUDIT without its detail'
  if (record.detail !== undefined && schema !== undefined) {
    const parsed = schema.safeParse(record.detail)
    if (!parsed.success) yield `detail: ${parsed.error.message}`
  }
}

/** Everything that is wrong with one line of the JSON format; empty when it keeps the contract. */
export function faultsOfLine(line: string): readonly string[] {
  const faults: string[] = []
  if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(line)) faults.push('a control character')
  const json: unknown = JSON.parse(line)
  const parsed = record_schema.safeParse(json)
  if (!parsed.success) return [...faults, parsed.error.message]
  const record = parsed.data
  const raw: Readonly<Record<string, unknown>> = { ...(json as object) }
  for (const [part, keys] of Object.entries(part_shapes)) {
    if (!inOrder(part === '' ? raw : raw[part], keys)) faults.push(`order of keys: ${part}`)
  }
  const objects = raw['objects']
  if (Array.isArray(objects) && !objects.every((object) => inOrder(object, object_keys))) {
    faults.push('order of keys: objects')
  }
  return [...faults, ...rulesBroken(record)]
}

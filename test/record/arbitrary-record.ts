import fc from 'fast-check'
import type { AuditRecord } from '../../src/record/audit-record.js'

/** What a text is after the one replacement that the formats make: NUL and lone surrogates. */
export function storable(text: string): string {
  return Buffer.from(text.replaceAll('\u0000', '\ufffd')).toString()
}

const nasty = fc.constantFrom(
  '"',
  "'",
  ',',
  '\\',
  '\\.',
  '\n',
  '\r',
  '\t',
  ' ',
  '\u0000',
  '\u001b',
  '\u007f',
  '\u0085',
  '\u2028',
  '\u2029',
  '\ud800',
  '\udfff',
  '😀',
  'é',
  '<none>',
  'AUDIT: SESSION',
)

/** Texts as a hostile client would send them, with unpaired surrogates and control characters. */
export const anyText = fc.oneof(
  fc.string({ unit: fc.oneof(nasty, fc.string({ unit: 'binary', maxLength: 3 })), maxLength: 12 }),
  nasty,
  fc.constant(''),
)

const count = fc.nat({ max: 2 ** 40 })

const anyObject = fc.record(
  {
    name: anyText,
    type: anyText,
    class: fc.constantFrom('READ' as const, 'WRITE' as const),
    access: fc.constantFrom(['select' as const], []),
    resolved: fc.constantFrom('catalog' as const, 'none' as const),
    columns: fc.array(anyText, { maxLength: 3 }),
    owner: anyText,
    via: anyText,
    audited: fc.boolean(),
  },
  { requiredKeys: ['name', 'type', 'class', 'access', 'resolved'] },
)

const anySession = fc.record(
  {
    id: count,
    client_ip: anyText,
    pid: count,
    user: anyText,
    role: anyText,
    database: anyText,
    application: anyText,
    client_port: count,
    tls: anyText,
    auth: anyText,
    server: anyText,
    user_info: anyText,
  },
  { requiredKeys: ['id', 'client_ip'] },
)

const anyStatement = fc.record(
  {
    uid: anyText,
    id: count,
    protocol: fc.constantFrom('simple' as const, 'extended' as const),
    text: anyText,
    name: anyText,
    prepared: anyText,
    length: count,
    sha256: anyText,
  },
  { requiredKeys: ['uid', 'id', 'protocol', 'text'] },
)

/** A record with any text in every field, whether or not it makes sense. */
export const anyRecord: fc.Arbitrary<AuditRecord> = fc.record(
  {
    time_us: fc.integer({ min: 0, max: 4_102_444_800_000_000 }),
    class: fc.constantFrom('READ' as const, 'CONNECT' as const, 'AUDIT' as const, 'ERROR' as const),
    command: fc.oneof(anyText, fc.constantFrom('connection authorized', 'disconnection')),
    phase: fc.constant('start' as const),
    outcome: fc.constantFrom('success' as const, 'failure' as const, 'unknown' as const),
    sqlstate: anyText,
    message: anyText,
    rows: count,
    bytes_in: count,
    bytes_out: count,
    duration_us: count,
    rules: fc.array(anyText, { maxLength: 2 }),
    session_audited: fc.boolean(),
    session: anySession,
    transaction: fc.record({ id: count, state: fc.constantFrom('idle' as const, 'open' as const) }),
    objects: fc.array(anyObject, { maxLength: 3 }),
    grants: fc.array(fc.record({ privilege: anyText, grantee: anyText }), { maxLength: 2 }),
    analysis: fc.constantFrom('mismatch' as const, 'unparsed' as const),
    statement: anyStatement,
    parameters: fc.array(fc.option(anyText), { maxLength: 4 }),
    parameters_cut: fc.boolean(),
    detail: fc.dictionary(anyText, fc.oneof(anyText, count, fc.array(anyText))),
  },
  { requiredKeys: ['time_us', 'class', 'command'] },
)

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AuditRecord } from '../../src/record/audit-record.js'
import { csv_columns, renderCsv } from '../../src/record/csv-format.js'
import { anyRecord, storable } from './arbitrary-record.js'
import { type CsvColumn, readCsv } from './read-csv.js'
import { sample_account, sample_session, sample_time_us, sampleRecords } from './sample-records.js'

type Column = (typeof csv_columns)[number]
type Row = Record<Column, CsvColumn>

function rowsOf(record: AuditRecord, time_zone = 'UTC'): Row[] {
  return readCsv(renderCsv(record, time_zone)).map((row) => {
    expect(row).toHaveLength(csv_columns.length)
    return Object.fromEntries(csv_columns.map((name, index) => [name, row[index]])) as Row
  })
}

function rowOf(record: AuditRecord, time_zone?: string): Row {
  const rows = rowsOf(record, time_zone)
  expect(rows).toHaveLength(1)
  return rows[0] as Row
}

const plain: AuditRecord = {
  time_us: sample_time_us,
  class: 'READ',
  command: 'SELECT',
  outcome: 'success',
  sqlstate: '00000',
  session: sample_session,
  statement: { uid: '7.1', id: 1, protocol: 'simple', text: 'SELECT 1' },
}

describe('renderCsv', () => {
  it('has 18 columns on every line of any record, and gives its texts back', () => {
    fc.assert(
      fc.property(anyRecord, (record) => {
        const rows = rowsOf(record)
        expect(rows.length).toBeGreaterThan(0)
        for (const row of rows) {
          expect(row.header).toMatch(/^AUDIT: (SESSION|OBJECT)$/)
          expect(row.remote_host_name).toBe(
            record.session === undefined ? null : storable(record.session.client_ip),
          )
          expect(row.session_user_name).toBe(
            record.session?.user === undefined ? null : storable(record.session.user),
          )
          expect(row.sql).toBe(
            record.statement === undefined ? null : storable(record.statement.text),
          )
          const values = record.parameters ?? []
          const [only] = values
          if (record.statement !== undefined && values.length > 0) {
            const inner = readCsv(row.parameter ?? '')
            expect(inner).toEqual([values.map((value) => value && storable(value))])
            if (only === '<none>' && values.length === 1) expect(row.parameter).toBe('"<none>"')
          }
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it('writes a line for each object, and one more for each audited one', () => {
    const objects = [
      sample_account,
      { ...sample_account, name: 'a.b', type: 'VIEW', audited: true },
    ]
    const lines = (changes: Partial<AuditRecord>): unknown[] =>
      rowsOf({ ...plain, objects, ...changes }).map((row) => [
        row.header,
        row.substatement_id,
        row.object_type,
        row.object_name,
      ])
    const session = [
      ['AUDIT: SESSION', '1', 'TABLE', 'myschema.account'],
      ['AUDIT: SESSION', '2', 'VIEW', 'a.b'],
    ]
    const object = [['AUDIT: OBJECT', '2', 'VIEW', 'a.b']]
    expect(lines({ rules: ['r'] })).toEqual([...session, ...object])
    expect(lines({ rules: [], session_audited: true })).toEqual([...session, ...object])
    expect(lines({ rules: [], session_audited: false })).toEqual(object)
    expect(lines({ rules: [] })).toEqual(object)
    expect(lines({})).toEqual([...session, ...object])
    expect(lines({ objects: [] })).toEqual([['AUDIT: SESSION', '1', null, null]])
    expect(lines({ objects: [sample_account], session_audited: false })).toEqual([session[0]])
  })

  it('gives each object its own class and command, as pgaudit does', () => {
    const objects = [
      { ...sample_account, class: 'WRITE', access: ['insert'] },
      { ...sample_account, name: 'hr.salary' },
      { ...sample_account, name: 'hr.f', type: 'FUNCTION', class: 'FUNCTION', access: ['execute'] },
    ] as const
    const record = { ...plain, class: 'WRITE', command: 'INSERT', objects } as const
    const lines = (changes: Partial<AuditRecord>): unknown[] =>
      rowsOf({ ...record, ...changes }).map((row) => [row.class, row.command_tag])
    expect(lines({})).toEqual([
      ['WRITE', 'INSERT'],
      ['READ', 'SELECT'],
      ['FUNCTION', 'EXECUTE'],
    ])
    expect(lines({ class: 'FUNCTION', command: 'SELECT' })).toEqual([
      ['WRITE', 'INSERT'],
      ['READ', 'SELECT'],
      ['FUNCTION', 'EXECUTE'],
    ])
    expect(lines({ class: 'FUNCTION', command: 'CALL', objects: objects.slice(2) })).toEqual([
      ['FUNCTION', 'CALL'],
    ])
    // A class that no object has must not get lost.
    expect(lines({ class: 'DDL', command: 'X' })).toEqual(Array(3).fill(['DDL', 'X']))
    expect(lines({ outcome: 'failure' })).toEqual(Array(3).fill(['ERROR', 'INSERT']))
  })

  it('is ERROR for a failure, with its SQL and object', () => {
    const record = sampleRecords().get('a failure')
    expect(record && rowOf(record)).toMatchObject({
      class: 'ERROR',
      command_tag: 'SELECT',
      sqlstate: '42P01',
      object_name: 'acount',
      error_message: 'relation "acount" does not exist',
      sql: 'SELECT * FROM acount',
    })
    expect(rowOf({ ...plain, outcome: 'cancelled', sqlstate: '57014' }).class).toBe('ERROR')
    expect(rowOf({ ...plain, class: 'SYSTEM', sqlstate: '57P01' }).class).toBe('SYSTEM')
  })

  it('leaves SQLSTATE empty for a success, as the model does, and fills it for CONNECT', () => {
    expect(rowOf(plain).sqlstate).toBeNull()
    const received = sampleRecords().get('connection received')
    expect(received && rowOf(received).sqlstate).toBe('00000')
  })

  it.each<[Partial<AuditRecord>, string | null]>([
    [{}, null],
    [{ phase: 'start' }, 'started: still running'],
    [{ outcome: 'skipped' }, 'skipped: not executed after an earlier error'],
    [{ outcome: 'prepared' }, 'prepared: never executed'],
    [{ outcome: 'suspended' }, 'suspended: not all rows were fetched'],
    [{ outcome: 'unknown' }, 'outcome unknown: the connection was lost'],
    [{ analysis: 'unparsed', message: 'no' }, 'no; analysis: unparsed'],
    [{ parameters: ['1'], parameters_cut: true }, 'parameters cut'],
    [{ detail: { fate: 'committed' } }, '{"fate":"committed"}'],
    [{ class: 'AUDIT', message: 'a', detail: { b: 1 } }, 'a; {"b":1}'],
  ])('says of %j in the message: %s', (changes, message) => {
    expect(rowOf({ ...plain, ...changes }).error_message).toBe(message)
  })

  it.each<[Partial<AuditRecord>, string | null]>([
    [{}, '<none>'],
    [{ parameters: [] }, '<none>'],
    [{ parameters_cut: true }, '<not logged>'],
    [{ parameters: [null] }, ''],
    [{ parameters: [''] }, '""'],
    [{ parameters: [null, ''] }, ',""'],
    [{ parameters: ['7', 'a,"b'] }, '7,"a,""b"'],
    [{ parameters: ['<none>'] }, '"<none>"'],
    [{ parameters: ['<not logged>'] }, '"<not logged>"'],
  ])('shows the parameters of %j as %s', (changes, parameter) => {
    expect(rowOf({ ...plain, ...changes }).parameter).toBe(parameter)
  })

  it('quotes what must be quoted and nothing else', () => {
    const session = { id: 1, client_ip: 'a,b', user: '', application: ' x', database: '\\.' }
    expect(
      renderCsv({ time_us: 0, class: 'CONNECT', command: 'disconnection', session }, 'UTC'),
    ).toBe(
      'AUDIT: SESSION,CONNECT,1970-01-01 00:00:00.000+00,"a,b",," x","","\\.",1/0,,,,00000,,,' +
        '"disconnection: session time: 0:00:00.000 database=\\. host=a,b",,',
    )
  })

  it('shows the time of the zone, with its offset', () => {
    expect(rowOf(plain, 'Asia/Tokyo').sql_start_time).toBe('2026-11-22 07:06:01.123+09')
    expect(rowOf(plain, 'Asia/Kolkata').sql_start_time).toBe('2026-11-22 03:36:01.123+05:30')
    expect(rowOf(plain, 'America/St_Johns').sql_start_time).toBe('2026-11-21 18:36:01.123-03:30')
  })
})

describe('messages of CONNECT records', () => {
  it.each([
    ['connection received', 'connection received: host=198.51.100.7 port=42130'],
    [
      'connection authorized',
      'connection authorized: user=appuser database=postgres application_name=psql SSL enabled (protocol=TLSv1.3)',
    ],
    ['a replication connection on a socket', 'replication connection authorized: user=appuser'],
    [
      'disconnection',
      'disconnection: session time: 1:02:03.004 user=appuser database=postgres host=198.51.100.7 port=42130',
    ],
    [
      'a session that the server ended',
      'disconnection: session time: 0:00:01.000 user=appuser database=postgres host=198.51.100.7 port=42130; terminating connection due to administrator command',
    ],
    [
      'authentication failed',
      'no pg_hba.conf entry for host "198.51.100.7", user "testuser", database "db", no encryption',
    ],
  ])('%s', (name, message) => {
    const record = sampleRecords().get(name)
    expect(record && rowOf(record).error_message).toBe(message)
  })
})

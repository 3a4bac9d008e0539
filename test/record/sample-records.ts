import type { ResolvedObject } from '../../src/catalog/names.js'
import type { AuditRecord, SessionPart } from '../../src/record/audit-record.js'

/** 2026-11-21 22:06:01.123456 UTC. */
export const sample_time_us = Date.UTC(2026, 10, 21, 22, 6, 1) * 1000 + 123_456

export const sample_session: SessionPart = {
  id: 7,
  pid: 19_944,
  user: 'appuser',
  database: 'postgres',
  application: 'psql',
  client_ip: '198.51.100.7',
  client_port: 42_130,
  tls: 'TLSv1.3',
  auth: 'scram-sha-256',
  server: 'localhost:5432',
}

export const sample_account: ResolvedObject = {
  name: 'myschema.account',
  type: 'TABLE',
  class: 'READ',
  access: ['select'],
  columns: ['id', 'name', 'password', 'description'],
  owner: 'appowner',
  resolved: 'catalog',
}

const select: AuditRecord = {
  time_us: sample_time_us,
  class: 'READ',
  command: 'SELECT',
  outcome: 'success',
  sqlstate: '00000',
  rows: 3,
  bytes_out: 180,
  duration_us: 412,
  rules: ['reads'],
  session_audited: true,
  session: sample_session,
  transaction: { id: 8, state: 'idle' },
  objects: [sample_account],
  statement: { uid: '7.2', id: 2, protocol: 'simple', text: 'SELECT * FROM account' },
}

const unix_session: SessionPart = { id: 8, user: 'appuser', client_ip: '[local]', application: '' }

/** One record of each kind, by what it shows. */
export const sample_records = {
  'a read': select,
  'values of a prepared statement': {
    ...select,
    command: 'INSERT',
    class: 'WRITE',
    rows: 1,
    bytes_out: undefined,
    objects: [
      { ...sample_account, class: 'WRITE', access: ['insert'], columns: ['id', 'name'] },
      {
        name: 'myschema."Staff, all"',
        type: 'VIEW',
        class: 'READ',
        access: ['select'],
        resolved: 'assumed',
      },
    ],
    statement: {
      uid: '7.3',
      id: 3,
      protocol: 'extended',
      name: 'ins',
      text: 'INSERT INTO account (id, name)\nSELECT $1, $2 FROM "Staff, all"',
    },
    parameters: ['1', 'a "quoted", value', null, ''],
  },
  'object auditing alone': {
    ...select,
    rules: [],
    session_audited: false,
    objects: [
      { ...sample_account, audited: true, via: 'myschema.v' },
      { ...sample_account, name: 'myschema.v', type: 'VIEW' },
    ],
    parameters_cut: true,
  },
  'a failure': {
    ...select,
    outcome: 'failure',
    sqlstate: '42P01',
    message: 'relation "acount" does not exist',
    rows: undefined,
    bytes_out: undefined,
    objects: [
      { name: 'acount', type: 'TABLE', class: 'READ', access: ['select'], resolved: 'none' },
    ],
    statement: { uid: '7.4', id: 4, protocol: 'simple', text: 'SELECT * FROM acount' },
  },
  'an EXECUTE': {
    ...select,
    statement: {
      uid: '7.5',
      id: 5,
      protocol: 'simple',
      prepared: 'PREPARE q (int) AS SELECT * FROM account WHERE id = $1',
      text: 'EXECUTE q (1)',
    },
    parameters: ['1'],
  },
  'a cut text that nobody understood': {
    ...select,
    class: 'WRITE',
    command: '',
    phase: 'start',
    outcome: undefined,
    sqlstate: undefined,
    rows: undefined,
    bytes_out: undefined,
    duration_us: undefined,
    objects: [],
    analysis: 'unparsed',
    statement: {
      uid: '7.6',
      id: 6,
      protocol: 'simple',
      length: 99_999_999,
      sha256: 'ab'.repeat(32),
      text: 'SELECT ((((((',
    },
  },
  'a grant': {
    ...select,
    class: 'ROLE',
    command: 'GRANT',
    rows: undefined,
    bytes_out: undefined,
    objects: [{ ...sample_account, class: 'ROLE', access: ['grant'] }],
    grants: [{ privilege: 'SELECT', grantee: 'auditor' }],
    statement: {
      uid: '7.7',
      id: 7,
      protocol: 'simple',
      text: 'GRANT SELECT ON account TO auditor',
    },
  },
  'connection received': {
    time_us: sample_time_us,
    class: 'CONNECT',
    command: 'connection received',
    session: { id: 7, client_ip: '198.51.100.7', client_port: 42_130 },
  },
  'connection authorized': {
    time_us: sample_time_us,
    class: 'CONNECT',
    command: 'connection authorized',
    session: sample_session,
  },
  'a replication connection on a socket': {
    time_us: sample_time_us,
    class: 'CONNECT',
    command: 'connection authorized',
    session: unix_session,
    detail: { replication: 'physical' },
  },
  'authentication failed': {
    time_us: sample_time_us,
    class: 'CONNECT',
    command: 'authentication failed',
    outcome: 'failure',
    sqlstate: '28000',
    message:
      'no pg_hba.conf entry for host "198.51.100.7", user "testuser", database "db", no encryption',
    session: { id: 9, user: 'testuser', database: 'db', client_ip: '198.51.100.7' },
  },
  disconnection: {
    time_us: sample_time_us,
    class: 'CONNECT',
    command: 'disconnection',
    outcome: 'success',
    sqlstate: '00000',
    session: sample_session,
    detail: { session_time_us: 3_723_004_500, reason: 'terminate' },
  },
  'a session that the server ended': {
    time_us: sample_time_us,
    class: 'CONNECT',
    command: 'disconnection',
    outcome: 'success',
    sqlstate: '57P01',
    message: 'terminating connection due to administrator command',
    session: sample_session,
    detail: { session_time_us: 1_000_000, reason: 'server' },
  },
  'transaction end': {
    time_us: sample_time_us,
    class: 'MISC',
    command: 'transaction end',
    outcome: 'failure',
    sqlstate: '23503',
    message: 'insert or update on table "a" violates foreign key constraint "fk"',
    session: sample_session,
    transaction: { id: 8, state: 'open' },
    detail: { fate: 'rolled back', reason: 'deferred constraint', recorded: 2 },
  },
  'audit.start': {
    time_us: sample_time_us,
    class: 'AUDIT',
    command: 'audit.start',
    detail: { version: '0.1.0', configuration: { rules: [{ name: 'reads', class: ['READ'] }] } },
  },
} as const satisfies Record<string, { [Key in keyof AuditRecord]?: AuditRecord[Key] | undefined }>

/** The samples as records: what is undefined above is absent here. */
export function sampleRecords(): Map<string, AuditRecord> {
  return new Map(
    Object.entries(sample_records).map(([name, sample]) => [
      name,
      Object.fromEntries(
        Object.entries(sample).filter(([, value]) => value !== undefined),
      ) as unknown as AuditRecord,
    ]),
  )
}

import type { AuditRecord, SessionPart } from '../../src/record/audit-record.js'
import { sample_account, sample_records } from '../record/sample-records.js'

/** Microseconds since 1970 of a moment in the night of the story. */
function at(time: string): number {
  return Date.parse(`2026-11-22T${time}Z`) * 1000
}

const by_day: SessionPart = {
  id: 40,
  pid: 20_100,
  user: 'appuser',
  database: 'postgres',
  application: 'billing',
  client_ip: '10.0.3.7',
  client_port: 51_000,
  auth: 'scram-sha-256',
  server: 'localhost:5432',
}

const by_night: SessionPart = {
  ...by_day,
  id: 41,
  pid: 20_177,
  application: 'psql',
  client_ip: '203.0.113.66',
  client_port: 40_404,
}

const login: AuditRecord = {
  ...sample_records['connection authorized'],
  outcome: 'success',
  sqlstate: '00000',
}
const read: AuditRecord = { ...sample_records['a read'], rows: 1200 }

const { bytes_out: _, rows: _read_rows, ...neither } = read

const update: AuditRecord = {
  ...neither,
  class: 'WRITE',
  command: 'UPDATE',
  rows: 1,
  objects: [{ ...sample_account, class: 'WRITE', access: ['update'], columns: ['description'] }],
}

const nightly_read = 'SELECT * FROM account'
const nightly_update = "UPDATE account SET description = 'paid' WHERE id = 77"

/**
 * Who reads and writes the same table, from a place and at an hour where nobody is expected; between
 * what is done every day.
 */
export const story_records: readonly AuditRecord[] = [
  { ...login, time_us: at('02:00:00.000001'), session: by_day },
  { ...read, time_us: at('02:00:01'), session: by_day, rows: 3 },
  { ...login, time_us: at('03:12:07.5'), session: by_night },
  {
    ...read,
    time_us: at('03:12:44'),
    session: by_night,
    transaction: { id: 1, state: 'idle' },
    statement: { uid: '41.1', id: 1, protocol: 'simple', text: nightly_read },
  },
  {
    ...update,
    time_us: at('03:13:09'),
    session: by_night,
    transaction: { id: 2, state: 'idle' },
    statement: { uid: '41.2', id: 2, protocol: 'simple', text: nightly_update },
  },
  {
    ...neither,
    class: 'WRITE',
    command: 'UPDATE',
    time_us: at('03:13:30'),
    session: by_night,
    outcome: 'failure',
    sqlstate: '42501',
    message: 'permission denied for table salary',
    transaction: { id: 3, state: 'idle' },
    objects: [{ ...sample_account, name: 'myschema.salary', class: 'WRITE', access: ['update'] }],
    statement: { uid: '41.3', id: 3, protocol: 'simple', text: 'UPDATE salary SET amount = 0' },
  },
]

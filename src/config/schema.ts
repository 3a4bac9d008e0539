import type { z } from 'zod'
import {
  boolean,
  choice,
  duration,
  host,
  integer,
  mode,
  path,
  port,
  size,
  text,
  textField,
} from './field-kinds.js'
import { listField, section } from './fields.js'
import { rules_schema } from './rule-schema.js'
import { parseNetwork, parseTimeZone } from './values.js'

const second_ms = 1_000
const minute_ms = 60_000
const day_ms = 86_400_000
const kib_bytes = 2 ** 10
const mib_bytes = 2 ** 20
const gib_bytes = 2 ** 30
const tib_bytes = 2 ** 40

/** Ages are compared with dates, not given to a timer, so they may be long. */
const age = { min: second_ms, max: 36_500 * day_ms }

const listen = section('Where applications connect.', {
  host: host(
    'Address to listen on; a directory for a Unix socket (.s.PGSQL.PORT in it). ' +
      'Anything but loopback lets other machines in: see allow and tls.',
  ).prefault('127.0.0.1'),
  port: port('Port to listen on.', 0).prefault(7432),
  socket_mode: mode(
    'Mode of a Unix socket: whoever may write to it may connect. The server takes all of them for the user of pgwitness, ' +
      'whom a peer or trust line may let in.',
  ).prefault('0777'),
  tls: section('TLS between applications and pgwitness.', {
    mode: choice(
      'disable: plaintext only. allow: TLS for clients that ask for it. require: TLS or nothing. ' +
        'Unix sockets have no TLS, as with PostgreSQL, whatever stands here.',
      ['disable', 'allow', 'require'],
    ).prefault('disable'),
    cert: path('Certificate chain (PEM); needed unless mode is disable.', {
      example: '/etc/pgwitness/server.crt',
    }).exactOptional(),
    key: path('Private key (PEM); own and 0600, or root’s and 0640, as PostgreSQL asks.', {
      example: '/etc/pgwitness/server.key',
    }).exactOptional(),
    client_ca: path('Authorities (PEM) that may have signed the certificates of clients.', {
      example: '/etc/pgwitness/clients.crt',
    }).exactOptional(),
  }).prefault({}),
  allow: listField(
    parseNetwork,
    {
      description:
        'Addresses and networks that may connect; others are refused before anything is relayed. Unix sockets always may.',
      kind: 'list',
      accepts: 'list of addresses or networks',
    },
    { item: { type: 'string' }, empty: false },
  ).prefault(['0.0.0.0/0', '::/0']),
  proxy_protocol: listField(
    parseNetwork,
    {
      description:
        'Load balancers: connections from these addresses must begin with a PROXY header (HAProxy, version 1 or 2), and the ' +
        'client that it names is the one that records, rules and allow know; it never counts as local. From any other ' +
        'address such a header is refused. List nothing that clients can connect from themselves: they could name any address.',
      kind: 'list',
      accepts: 'list of addresses or networks',
      example: ['192.0.2.10', '2001:db8::/64'],
    },
    { item: { type: 'string' }, empty: false },
  ).exactOptional(),
})

const upstream = section('The PostgreSQL server behind.', {
  host: host('Address of the server, or the directory of its Unix socket.').prefault('127.0.0.1'),
  port: port('Port of the server.', 1).prefault(5432),
  tls: section('TLS between pgwitness and the server.', {
    mode: choice('The modes of libpq’s sslmode.', [
      'disable',
      'allow',
      'prefer',
      'require',
      'verify-ca',
      'verify-full',
    ]).prefault('prefer'),
    ca: path('Authorities (PEM) that may have signed the server’s certificate.', {
      example: '/etc/pgwitness/server-ca.crt',
    }).exactOptional(),
    cert: path('Certificate (PEM) to show to the server.', {
      example: '/etc/pgwitness/proxy.crt',
    }).exactOptional(),
    key: path('Its private key (PEM); own and 0600, or root’s and 0640.', {
      example: '/etc/pgwitness/proxy.key',
    }).exactOptional(),
  }).prefault({}),
  accept_trust: boolean(
    'The server sees the address of pgwitness, not the client’s, so a trust or peer line for that address would let ' +
      'every client in as anyone. Such logins of clients that are not local are refused unless this is true.',
  ).prefault(false),
})

const catalog = section(
  'A side connection that reads the catalog, so that names are resolved and grants are known. Without this block there ' +
    'is none, and names are recorded as assumed. The password comes from password_file, else from PGPASSWORD or ~/.pgpass.',
  {
    user: text(
      'Role to log in as; it needs no more than the right to connect. `pgwitness setup-sql` prints SQL that makes it.',
      {
        example: 'pgwitness',
      },
    ),
    password_file: path(
      'File whose first line is the password; own and 0600, or root’s and 0640.',
      {
        example: '/etc/pgwitness/catalog-password',
      },
    ).exactOptional(),
    refresh: duration('How often the catalog is read again when nothing asks for it.', {
      min: second_ms,
      max: day_ms,
      zero: 'only when something asks for it',
    }).prefault('30s'),
  },
)

const retention = section(
  'When closed audit files are removed. Nothing is unless asked for here.',
  {
    age: duration('Remove files older than this.', age, { example: '400d' }).exactOptional(),
    files: integer('Keep at most this many files.', 1, 1_000_000, { example: 90 }).exactOptional(),
    size: size(
      'Keep at most this much in all files together.',
      { min: mib_bytes, max: 1_024 * tib_bytes },
      { example: '50GiB' },
    ).exactOptional(),
  },
)

const seal = section('Proof that the trail was not altered.', {
  key: path('Ed25519 private key that signs the seals.', {
    example: '/etc/pgwitness/seal.key',
  }).exactOptional(),
  copy: path('Second file to which every seal is appended.', {
    example: '/mnt/anchor/seals',
  }).exactOptional(),
  every: duration('Time between seals.', { min: second_ms, max: day_ms }).prefault('10s'),
  records: integer('Records between seals.', 1, 10_000_000).prefault(10_000),
})

const audit = section('The trail: the audit files and what goes into them.', {
  directory: path('Directory of the audit files; made when it is missing.').prefault('./audit'),
  directory_mode: mode('Mode of a directory that pgwitness makes.').prefault('0700'),
  file_mode: mode('Mode of audit files, whatever the umask; "0000" is possible.').prefault('0600'),
  format: choice(
    'json: one object a line. csv: the 18 columns of the refactored pgaudit of Fujitsu.',
    ['json', 'csv'],
  ).prefault('json'),
  rotate: section('When a new audit file begins, always between two records.', {
    age: duration('Age of a file; whole days end at midnight of time_zone.', {
      ...age,
      zero: 'never',
    }).prefault('1d'),
    size: size('Size of a file.', { min: 64 * kib_bytes, max: tib_bytes, zero: 'never' }).prefault(
      '100MiB',
    ),
  }).prefault({}),
  retain: retention.prefault({}),
  durability: choice(
    'async: answers never wait for the disk. ack: no row and no end of a transaction is shown before its record is on disk.',
    ['async', 'ack'],
  ).prefault('async'),
  flush: section('How long records may wait.', {
    interval: duration('Until they are written: what a killed process loses.', {
      min: 1,
      max: 10 * second_ms,
    }).prefault('50ms'),
    sync: duration('Until they are fsynced: what a power failure loses.', {
      min: 1,
      max: minute_ms,
    }).prefault('1s'),
    size: size('Bytes that are written at once.', {
      min: 4 * kib_bytes,
      max: 64 * mib_bytes,
    }).prefault('256KiB'),
  }).prefault({}),
  queue: size('Records that may wait for the disk before sessions are paused.', {
    min: mib_bytes,
    max: gib_bytes,
  }).prefault('64MiB'),
  start_after: duration('A statement that runs longer leaves a start record as well.', {
    min: 10,
    max: day_ms,
    zero: 'never',
  }).prefault('1s'),
  stuck_timeout: duration('A write that takes longer counts as failed.', {
    min: 100,
    max: 10 * minute_ms,
  }).prefault('5s'),
  on_failure: choice(
    'What happens when records can be written neither to the audit file nor to the server log. refuse: sessions that ask ' +
      'for something are ended until it works again. shutdown: the process ends. continue: unaudited service.',
    ['refuse', 'shutdown', 'continue'],
  ).prefault('refuse'),
  accept_unaudited: boolean('Must be true for on_failure: continue.').prefault(false),
  parameters: choice('Whether values that are bound to statements are recorded.', [
    'none',
    'full',
  ]).prefault('full'),
  parameter_max: size('Longer values are cut.', { min: kib_bytes, max: 64 * mib_bytes }).prefault(
    '64KiB',
  ),
  statement_max: size('Longer statements are cut; their length and SHA-256 are kept.', {
    min: kib_bytes,
    max: 64 * mib_bytes,
  }).prefault('1MiB'),
  seal: seal.prefault({}),
  time_zone: textField(
    parseTimeZone,
    'Time zone of rotation at midnight, of time windows in rules, and of times in CSV. JSON is always UTC.',
    { accepts: 'IANA time zone' },
  ).prefault('UTC'),
})

const limits = section('What one process takes upon itself.', {
  connections: integer('Sessions at once; more are refused.', 1, 100_000).prefault(1_000),
  startup_timeout: duration(
    'Time for a client to log in, from its connection until the server is ready for its first query.',
    { min: second_ms, max: 10 * minute_ms },
  ).prefault('60s'),
  idle_timeout: duration(
    'A session that has asked for nothing for so long, outside a transaction, is ended with 57P05, as by the server’s ' +
      'idle_session_timeout. Without this key none is.',
    { min: second_ms, max: 24 * day_ms },
    { example: '8h' },
  ).exactOptional(),
  message: size('Longest message that is relayed.', {
    min: 64 * kib_bytes,
    max: gib_bytes,
  }).prefault('1GiB'),
  analysed: size('Longest text that is parsed; longer ones are recorded as not analysed.', {
    min: 64 * kib_bytes,
    max: 256 * mib_bytes,
  }).prefault('16MiB'),
})

/**
 * The configuration file: every key with its reader, default and description. The example, the
 * JSON Schema, the reference and the names of environment variables are generated from it.
 */
export const config_schema = section('Configuration of pgwitness.', {
  instance: text('Name of this proxy in the records; the host name by default.', {
    example: 'core-db-1',
  }).exactOptional(),
  listen: listen.prefault({}),
  upstream: upstream.prefault({}),
  catalog: catalog.exactOptional(),
  audit: audit.prefault({}),
  rules: rules_schema.exactOptional(),
  object_audit: section(
    'Object auditing: what this role was granted, by table, column or function, is recorded. Needs the catalog block.',
    { role: text('The role whose grants say what is audited.', { example: 'auditor' }) },
  ).exactOptional(),
  server_log: section('The log of pgwitness itself, which also takes records in an emergency.', {
    level: choice('Least severity that is logged.', [
      'fatal',
      'error',
      'warn',
      'info',
      'debug',
      'trace',
    ]).prefault('info'),
    file: path('File to log to; stderr by default.', {
      example: '/var/log/pgwitness/server.log',
    }).exactOptional(),
    rotate: section('When a new file begins.', {
      // pino-roll waits for it by one timer, which can be no longer than this.
      age: duration('Age of a file.', { ...age, max: 24 * day_ms, zero: 'never' }).prefault('7d'),
    }).prefault({}),
  }).prefault({}),
  admin: section('Plain HTTP for machines: /healthz, /readyz, /metrics. Off without this block.', {
    host: host('Address to listen on.').prefault('127.0.0.1'),
    port: port('Port to listen on.', 0).prefault(9188),
  }).exactOptional(),
  limits: limits.prefault({}),
  drain: duration('Time that busy sessions get to finish when the process is asked to stop.', {
    min: 100,
    max: 60 * minute_ms,
    zero: 'none',
  }).prefault('20s'),
})

/** The file's values once read: durations in milliseconds, sizes in bytes, defaults filled in. */
export type ParsedConfigFile = z.output<typeof config_schema>

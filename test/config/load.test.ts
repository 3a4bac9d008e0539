import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { ConfigError, type ConfigIssue } from '../../src/config/config-error.js'
import { effectiveConfig } from '../../src/config/effective-config.js'
import { type ConfigSources, loadConfig } from '../../src/config/load.js'

const directory = mkdtempSync(join(tmpdir(), 'pgwitness-config-'))

afterAll(() => rmSync(directory, { recursive: true }))

let file_count = 0

function fileWith(text: string, mode = 0o600): string {
  file_count++
  const path = join(directory, `file-${file_count}`)
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

function errorOf(sources: ConfigSources): ConfigError {
  try {
    loadConfig(sources)
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error('the configuration was accepted')
}

function issuesOf(settings: Record<string, unknown>): readonly ConfigIssue[] {
  return errorOf({ settings }).issues
}

/** `{ a: { b: value } }` for `a.b`. */
function nested(path: string, value: unknown): Record<string, unknown> {
  return path
    .split('.')
    .reduceRight<Record<string, unknown>>(
      (inner, key, index, keys) => ({ [key]: index === keys.length - 1 ? value : inner }),
      {},
    )
}

describe('defaults', () => {
  test('an empty configuration gives the documented defaults', () => {
    const { instance, ...config } = loadConfig({})
    expect(instance).not.toBe('')
    expect(config).toEqual({
      listen: {
        host: '127.0.0.1',
        port: 7432,
        socket_mode: 0o777,
        tls: { mode: 'disable' },
        allow: ['0.0.0.0/0', '::/0'],
      },
      upstream: { host: '127.0.0.1', port: 5432, tls: { mode: 'prefer' }, accept_trust: false },
      audit: {
        directory: './audit',
        directory_mode: 0o700,
        file_mode: 0o600,
        format: 'json',
        rotate: { age_ms: 86_400_000, size_bytes: 100 * 2 ** 20 },
        retain: {},
        durability: 'async',
        flush: { interval_ms: 50, sync_ms: 1_000, size_bytes: 256 * 2 ** 10 },
        queue_bytes: 64 * 2 ** 20,
        start_after_ms: 1_000,
        stuck_timeout_ms: 5_000,
        on_failure: 'refuse',
        accept_unaudited: false,
        parameters: 'full',
        parameter_max_bytes: 64 * 2 ** 10,
        statement_max_bytes: 2 ** 20,
        seal: { every_ms: 10_000, records: 10_000 },
        time_zone: 'UTC',
      },
      server_log: { level: 'info', rotate: { age_ms: 7 * 86_400_000 } },
      limits: {
        connections: 1_000,
        startup_timeout_ms: 60_000,
        message_bytes: 2 ** 30,
        analysed_bytes: 16 * 2 ** 20,
      },
      drain_ms: 20_000,
    })
  })

  test('the result is frozen to the bottom', () => {
    const config = loadConfig({ settings: { rules: [{ name: 'r', class: 'READ' }] } })
    expect(Object.isFrozen(config)).toBe(true)
    expect(Object.isFrozen(config.audit.rotate)).toBe(true)
    expect(Object.isFrozen(config.listen.allow)).toBe(true)
    expect(Object.isFrozen(config.rules?.[0]?.class)).toBe(true)
  })

  test('a file of comments alone is an empty configuration', () => {
    expect(loadConfig({ file: fileWith('# nothing\n') })).toEqual(loadConfig({}))
  })
})

describe('precedence', () => {
  test('flags over environment over file over defaults', () => {
    const file = fileWith(
      'listen: { host: 127.0.0.2, port: 1001 }\nupstream: { port: 1002 }\naudit: { format: csv }\n',
    )
    const config = loadConfig({
      file,
      env: { PGWITNESS_LISTEN_PORT: '2001', PGWITNESS_UPSTREAM_PORT: '2002', OTHER: 'x' },
      flags: { upstream: 'postgres://db.internal:3002?sslmode=require', audit_directory: '/a' },
    })
    expect(config.listen).toMatchObject({ host: '127.0.0.2', port: 2001 })
    expect(config.upstream).toMatchObject({ host: 'db.internal', port: 3002 })
    expect(config.upstream.tls.mode).toBe('require')
    expect(config.audit).toMatchObject({ format: 'csv', directory: '/a' })
    expect(config.audit.queue_bytes).toBe(64 * 2 ** 20)
  })

  test('PGWITNESS_CONFIG names the file, --config takes precedence', () => {
    const from_env = fileWith('instance: from-env\n')
    const from_flag = fileWith('instance: from-flag\n')
    const env = { PGWITNESS_CONFIG: from_env }
    expect(loadConfig({ env }).instance).toBe('from-env')
    expect(loadConfig({ env, file: from_flag }).instance).toBe('from-flag')
  })
})

describe('flags', () => {
  test.each([
    ['127.0.0.1:5000', '127.0.0.1', 5000],
    ['[::1]:5000', '::1', 5000],
    ['localhost:0', 'localhost', 0],
    ['/run/pgwitness:5000', '/run/pgwitness', 5000],
  ])('--listen %s', (listen, host, port) => {
    expect(loadConfig({ flags: { listen } }).listen).toMatchObject({ host, port })
  })

  test.each([
    ['postgres://localhost', 'localhost', 5432],
    ['postgres://localhost/', 'localhost', 5432],
    ['postgresql://[::1]:5000', '::1', 5000],
    ['postgres://%2Frun%2Fpostgresql:5000', '/run/postgresql', 5000],
  ])('--upstream %s', (upstream, host, port) => {
    expect(loadConfig({ flags: { upstream } }).upstream).toMatchObject({ host, port })
  })

  test.each([
    ['postgres://app@localhost:5432/', 'contains a user'],
    ['postgres://localhost/ledger', 'contains a database'],
    ['postgres://localhost/?application_name=x', 'contains the parameter application_name'],
    ['mysql://localhost', 'is not a postgres:// URL'],
    ['localhost:5432', 'is not a postgres:// URL'],
    ['postgres://:5432', 'is not a postgres:// URL'],
  ])('--upstream %s is refused', (upstream, reason) => {
    const [issue] = errorOf({ flags: { upstream } }).issues
    expect(issue).toMatchObject({ path: '--upstream', reason })
    expect(issue?.hint).not.toBe('')
  })

  test.each([
    'postgres://app:hunter2@localhost:5432/',
    'postgres://app:hun/ter2@localhost',
    'postgres://localhost/?password=hunter2',
    'host=localhost password=hunter2',
  ])('a password in --upstream is refused and not printed (%#)', (upstream) => {
    const error = errorOf({ flags: { upstream } })
    expect(error.code).toBe('config.secret_on_command_line')
    expect(error.message).toContain('contains a password')
    expect(error.message).toContain('password_file')
    expect(error.message).not.toMatch(/hun|ter2/)
  })

  test.each(['7432', ':7432', '127.0.0.1', '::1:7432', 'host:port'])(
    '--listen %s is refused',
    (listen) => {
      const [issue] = errorOf({ flags: { listen } }).issues
      expect(issue).toMatchObject({ path: '--listen', reason: 'is not HOST:PORT' })
    },
  )

  test('a port that is none is told where it was written', () => {
    const [issue] = errorOf({ flags: { listen: '127.0.0.1:70000' } }).issues
    expect(issue).toMatchObject({ path: 'listen.port', value: '70000', source: '--listen' })
  })
})

describe('good values', () => {
  test.each<[string, unknown, (config: ReturnType<typeof loadConfig>) => unknown, unknown]>([
    ['audit.flush.interval', '250ms', (c) => c.audit.flush.interval_ms, 250],
    ['audit.flush.sync', '10s', (c) => c.audit.flush.sync_ms, 10_000],
    ['limits.startup_timeout', '5m', (c) => c.limits.startup_timeout_ms, 300_000],
    ['audit.rotate.age', '2h', (c) => c.audit.rotate.age_ms, 7_200_000],
    ['audit.rotate.age', 0, (c) => c.audit.rotate.age_ms, 0],
    ['audit.rotate.size', '0', (c) => c.audit.rotate.size_bytes, 0],
    ['audit.retain.age', '400d', (c) => c.audit.retain.age_ms, 400 * 86_400_000],
    ['audit.retain.size', '2TiB', (c) => c.audit.retain.size_bytes, 2 * 2 ** 40],
    ['audit.retain.files', 9, (c) => c.audit.retain.files, 9],
    ['audit.parameter_max', '64KiB', (c) => c.audit.parameter_max_bytes, 65_536],
    ['limits.message', '1GiB', (c) => c.limits.message_bytes, 2 ** 30],
    ['audit.file_mode', '0640', (c) => c.audit.file_mode, 0o640],
    ['audit.file_mode', '0000', (c) => c.audit.file_mode, 0],
    ['audit.directory_mode', '750', (c) => c.audit.directory_mode, 0o750],
    ['audit.time_zone', 'Asia/Tokyo', (c) => c.audit.time_zone, 'Asia/Tokyo'],
    ['listen.allow', '10.0.0.0/8', (c) => c.listen.allow, ['10.0.0.0/8']],
    ['listen.allow', ['::1', '10.1.2.3'], (c) => c.listen.allow, ['::1', '10.1.2.3']],
    ['listen.host', '/run/pgwitness', (c) => c.listen.host, '/run/pgwitness'],
    ['upstream.host', 'db_1.internal', (c) => c.upstream.host, 'db_1.internal'],
    ['upstream.tls.mode', 'require', (c) => c.upstream.tls.mode, 'require'],
    ['catalog.user', 'pgwitness', (c) => c.catalog, { user: 'pgwitness', refresh_ms: 30_000 }],
    ['admin', {}, (c) => c.admin, { host: '127.0.0.1', port: 9188 }],
    ['rules', [], (c) => c.rules, []],
  ])('%s: %j', (path, value, read, expected) => {
    expect(read(loadConfig({ settings: nested(path, value) }))).toEqual(expected)
  })
})

const bad_values: [path: string, value: unknown, reason: RegExp, hint: RegExp][] = [
  ['audit.flush.interval', 50, /has no unit/, /250ms/],
  ['audit.flush.interval', '50', /has no unit/, /250ms/],
  ['audit.flush.interval', '50 ms', /is not a duration/, /without a blank/],
  ['audit.flush.interval', '1.5s', /is not a duration/, /whole number/],
  ['audit.flush.interval', '-1s', /is not a duration/, /whole number/],
  ['audit.flush.interval', true, /is not a duration/, /250ms/],
  ['audit.flush.interval', 0, /may not be 0/, /whole number/],
  ['audit.flush.interval', '1h', /out of range/, /1ms to 10s/],
  ['audit.flush.size', 65536, /has no unit/, /64KiB/],
  ['audit.rotate.size', '100MB', /is not a size/, /100MiB/],
  ['audit.rotate.size', '1KiB', /out of range/, /or 0: never/],
  ['audit.file_mode', 600, /is a number/, /quoted octal/],
  ['audit.file_mode', '0999', /is not a file mode/, /quoted octal/],
  ['audit.file_mode', '1777', /more than permissions/, /three digits/],
  ['audit.format', 'jsn', /is not known/, /Did you mean json\?.*json, csv/],
  ['audit.format', null, /is not known/, /json, csv/],
  ['audit.time_zone', 'Europe/Berln', /is not a time zone/, /Europe\/Berlin/],
  ['audit.time_zone', '+02:00', /is not a time zone/, /IANA/],
  ['audit.directory', '', /is empty/, /leave the key out/],
  ['audit.directory', '~/audit', /only a shell/, /whole path/],
  ['audit.directory', 5, /is not text/, /quotes/],
  ['audit.directory', 'a\u0000b', /control character/, /ordinary text/],
  ['audit', null, /is empty/, /leave the key out/],
  ['audit', 'json', /is not a block of keys/, /key: value/],
  ['listen.port', 70_000, /is not a port/, /65535/],
  ['listen.port', '7432', /is not a port/, /without quotes/],
  ['upstream.port', 0, /is not a port/, /from 1/],
  ['listen.host', '*', /is not an address/, /0\.0\.0\.0/],
  ['listen.host', '[::1]', /has brackets/, /"::1"/],
  ['listen.host', '127.0.0.1:7432', /contains a port/, /two keys/],
  ['listen.host', '300.1.1.1', /is not a host/, /IP address/],
  ['listen.host', 'postgres://h', /is a URL/, /IP address/],
  ['listen.allow', [], /is an empty list/, /Leave the key out/],
  ['listen.allow', '10', /is not an address/, /10\.0\.0\.0\/8/],
  ['listen.allow', '10.0.0.0/33', /prefix length outside 0 to 32/, /10\.0\.0\.0\/8/],
  ['upstream.accept_trust', 'yes', /is not a boolean/, /true or false/],
  ['limits.connections', 1.5, /is not a whole number/, /1 to 100000/],
  ['limits.connections', 0, /out of range/, /1 to 100000/],
  ['catalog', {}, /is missing/, /must be set/],
  ['rules', null, /is empty/, /record everything/],
  ['rules', { name: 'a' }, /is not a list/, /Begin each item/],
]

describe('bad values', () => {
  test.each(bad_values)('%s: %j', (path, value, reason, hint) => {
    const error = errorOf({ settings: nested(path, value) })
    const issue = error.issues.find((one) => one.path.startsWith(path))
    expect(issue?.reason).toMatch(reason)
    expect(issue?.hint).toMatch(hint)
    expect(error.issues).toHaveLength(1)
    expect(error.message).toContain(`  ${issue?.path}`)
    expect(error.message).toContain(issue?.reason)
    expect(error.message).toContain(`hint: ${issue?.hint}`)
    if (value !== undefined && issue?.value !== undefined) {
      expect(error.message).toContain(`${issue.path} = ${issue.value}`)
    }
  })

  test.each([
    ['lisen', /Did you mean listen\?/],
    ['listen.prot', /Did you mean port\?/],
    ['audit.flush_interval', /Known here: directory/],
    ['audit.rotate.max_size', /Did you mean size\?|Known here/],
    ['xyzzy', /Known here: instance/],
  ])('an unknown key is refused: %s', (path, hint) => {
    const [issue] = issuesOf(nested(path, 1))
    expect(issue).toMatchObject({ code: 'config.unknown_key', path, reason: 'no such key' })
    expect(issue?.hint).toMatch(hint)
  })

  test('a password in the file is refused and not printed', () => {
    const error = errorOf({ settings: { catalog: { user: 'x', password: 'hunter2' } } })
    expect(error.message).toContain('password_file')
    expect(error.message).not.toContain('hunter2')
  })

  test('passwords within values are not printed', () => {
    const error = errorOf({ settings: { upstream: { host: 'postgres://app:hunter2@db' } } })
    expect(error.message).toContain('upstream.host')
    expect(error.message).not.toContain('hunter2')
  })

  test('all errors are told at once, of every source', () => {
    const file = fileWith(
      'listen: { prot: 1, port: 70000 }\naudit:\n  flush: { interval: 50 }\ncatalog: { user: x, password_file: /nowhere }\n',
    )
    const error = errorOf({
      file,
      env: { PGWITNESS_DRAIN: 'soon', PGWITNESS_LISTN_PORT: '1' },
      flags: { listen: '7432' },
    })
    expect(error.issues.map(({ path }) => path).sort()).toEqual([
      '--listen',
      'PGWITNESS_LISTN_PORT',
      'audit.flush.interval',
      'catalog.password_file',
      'drain',
      'listen.port',
      'listen.prot',
    ])
    expect(error.code).toBe('config.invalid')
    expect(error.message).toContain('7 problems')
    expect(error.message).toContain(`audit.flush.interval = 50: has no unit (${file}:3)`)
    expect(error.message).toContain('drain = "soon": is not a duration (PGWITNESS_DRAIN)')
  })
})

describe('keys that need each other', () => {
  test.each<[string, Record<string, unknown>, string, RegExp]>([
    [
      'TLS without cert',
      { listen: { tls: { mode: 'require', key: '/x' } } },
      'listen.tls.cert',
      /is missing/,
    ],
    ['cert without TLS', { listen: { tls: { cert: '/x' } } }, 'listen.tls.cert', /TLS is disabled/],
    [
      'client_ca without TLS',
      { listen: { tls: { client_ca: '/x' } } },
      'listen.tls.client_ca',
      /TLS is disabled/,
    ],
    [
      'upstream cert without key',
      { upstream: { tls: { cert: '/x' } } },
      'upstream.tls.key',
      /is missing/,
    ],
    [
      'verify-full without ca',
      { upstream: { tls: { mode: 'verify-full' } } },
      'upstream.tls.ca',
      /is missing/,
    ],
    [
      'ca without TLS',
      { upstream: { tls: { mode: 'disable', ca: '/x' } } },
      'upstream.tls.ca',
      /TLS is disabled/,
    ],
    [
      'object_audit without catalog',
      { object_audit: { role: 'auditor' } },
      'object_audit',
      /needs the catalog/,
    ],
    [
      'a small queue',
      { audit: { queue: '2MiB', flush: { size: '1MiB' } } },
      'audit.queue',
      /four writes/,
    ],
    [
      'a load balancer on a Unix socket',
      { listen: { host: '/run/pgwitness', proxy_protocol: ['10.0.0.1'] } },
      'listen.proxy_protocol',
      /no effect on a Unix socket/,
    ],
    [
      'a path of a socket that is too long to listen on',
      { listen: { host: `/${'d'.repeat(93)}`, port: 7432 } },
      'listen.host',
      /path of 108 bytes/,
    ],
    [
      'a path of a socket that is too long to connect to',
      { upstream: { host: `/${'é'.repeat(50)}` } },
      'upstream.host',
      /path of 115 bytes/,
    ],
    ['a loop', { upstream: { port: 7432 } }, 'upstream.port', /itself listens/],
  ])('%s is refused', (_name, settings, path, reason) => {
    const issue = issuesOf(settings).find((one) => one.path === path)
    expect(issue?.reason).toMatch(reason)
    expect(issue?.hint).not.toBe('')
  })
})

describe('the YAML text', () => {
  test.each([
    ['a: [1', /not valid YAML/],
    ['listen:\n\tport: 1', /not valid YAML/],
    ['drain: 1s\ndrain: 2s', /not valid YAML.*unique/],
  ])('%j is refused with its line', (text, message) => {
    const file = fileWith(text)
    const error = errorOf({ file })
    expect(error.code).toBe('config.syntax')
    expect(error.issues[0]?.path).toMatch(new RegExp(`${file}:\\d+:\\d+`))
    expect(error.message).toMatch(message)
  })

  test('an unquoted ! is refused, since YAML would drop the pattern', () => {
    const error = errorOf({ file: fileWith('rules:\n  - { name: a, object: [ !finance.x ] }\n') })
    expect(error.message).toContain('in quotes')
  })

  test('a bare octal mode is refused', () => {
    const error = errorOf({ file: fileWith('audit:\n  file_mode: 0600\n') })
    expect(error.message).toContain('audit.file_mode')
    expect(error.message).toContain('"0600"')
  })

  test('a file that is not there, and one that is no map', () => {
    const missing = join(directory, 'missing.yaml')
    expect(errorOf({ file: missing })).toMatchObject({ code: 'config.unreadable' })
    expect(errorOf({ file: missing }).message).toContain(missing)
    expect(errorOf({ file: fileWith('- 1\n') }).message).toContain('is not a map of keys')
  })

  test('a key named __proto__ is an unknown key like any other', () => {
    expect(errorOf({ file: fileWith('__proto__: { drain: 1s }\n') }).code).toBe(
      'config.unknown_key',
    )
  })
})

describe('the password of the side connection', () => {
  const catalog = (password_file: string) => ({ catalog: { user: 'x', password_file } })

  test('comes from the first line of the file', () => {
    const settings = catalog(fileWith('hunter2\nrest\n'))
    const config = loadConfig({ settings, env: { PGPASSWORD: 'other' } })
    expect(config.catalog?.password).toBe('hunter2')
  })

  test('else from PGPASSWORD, else there is none', () => {
    const settings = { catalog: { user: 'x' } }
    expect(loadConfig({ settings, env: { PGPASSWORD: 'p' } }).catalog?.password).toBe('p')
    expect(loadConfig({ settings, env: {} }).catalog).not.toHaveProperty('password')
    expect(loadConfig({ env: { PGPASSWORD: 'p' } })).not.toHaveProperty('catalog')
  })

  test.each([
    [0o644, /read or changed by others \(mode 0644\)/],
    [0o606, /read or changed by others/],
    [0o660, /read or changed by others/],
  ])('a file with mode %o is refused', (mode, reason) => {
    const [issue] = issuesOf(catalog(fileWith('hunter2', mode)))
    expect(issue?.reason).toMatch(reason)
    expect(issue?.hint).toContain('0600')
  })

  test('an empty file and a directory are refused', () => {
    expect(issuesOf(catalog(fileWith('\n')))[0]?.reason).toContain('empty')
    expect(issuesOf(catalog(directory))[0]?.reason).toContain('not a regular file')
  })
})

describe('the effective configuration', () => {
  const settings = {
    instance: 'core-db-1',
    catalog: { user: 'x', refresh: 0 },
    audit: { rotate: { size: 0 }, retain: { age: '90s' } },
    rules: [{ name: 'r', class: 'read', except: { user: 'etl' } }],
    object_audit: { role: 'auditor' },
    admin: { port: 0 },
  }

  test('is in the units of the file and without secrets', () => {
    const config = loadConfig({ settings, env: { PGPASSWORD: 'hunter2' } })
    const text = stringify(effectiveConfig(config))
    expect(config.catalog?.password).toBe('hunter2')
    expect(text).not.toContain('hunter2')
    expect(text).toContain('interval: 50ms')
    expect(text).toContain('file_mode: "0600"')
    expect(text).toContain('age: 90s')
    expect(text).toContain('size: 0')
    expect(text).toContain('port: 0')
  })

  test.each([{}, settings])('loads again to the same configuration', (given) => {
    const config = loadConfig({ settings: given })
    const again = loadConfig({ file: fileWith(stringify(effectiveConfig(config))) })
    expect(again).toEqual(config)
  })
})

import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../src/config/config-error.js'
import { special_variables, variableName } from '../../src/config/environment.js'
import { fieldsOf } from '../../src/config/fields.js'
import { loadConfig } from '../../src/config/load.js'
import { config_schema } from '../../src/config/schema.js'

function errorOf(env: Record<string, string>): ConfigError {
  try {
    loadConfig({ env })
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error('the environment was accepted')
}

test('every key has a name of its own', () => {
  const names = fieldsOf(config_schema).map(({ path }) => variableName(path))
  expect(new Set([...names, ...Object.keys(special_variables)]).size).toBe(names.length + 1)
  expect(names).toContain('PGWITNESS_LISTEN_PORT')
  expect(names).toContain('PGWITNESS_AUDIT_DIRECTORY')
  expect(names).toContain('PGWITNESS_AUDIT_FLUSH_INTERVAL')
  expect(names).toContain('PGWITNESS_CATALOG_PASSWORD_FILE')
  expect(names).toContain('PGWITNESS_OBJECT_AUDIT_ROLE')
})

test('every default reads back from its variable', () => {
  const config = loadConfig({})
  for (const { path, default: value } of fieldsOf(config_schema)) {
    // Setting a key of an optional block makes the block, which is another configuration.
    const is_optional = ['admin', 'catalog', 'object_audit'].includes(path[0] ?? '')
    if (value === undefined || is_optional) continue
    const env = { [variableName(path)]: String(value) }
    expect(loadConfig({ env }), path.join('.')).toEqual(config)
  }
})

test('lists are separated by commas, rules are YAML or JSON', () => {
  const yaml = '- name: a\n  class: [READ]\n'
  const json = '[{"name": "a", "class": ["READ"]}]'
  const env = { PGWITNESS_LISTEN_ALLOW: '10.0.0.0/8, ::1' }
  expect(loadConfig({ env }).listen.allow).toEqual(['10.0.0.0/8', '::1'])
  for (const text of [yaml, json]) {
    const { rules } = loadConfig({ env: { PGWITNESS_RULES: text } })
    expect(rules).toEqual([{ name: 'a', class: ['READ'] }])
  }
  expect(loadConfig({ env: { PGWITNESS_RULES: '[]' } }).rules).toEqual([])
})

test('a key of an optional block makes the block', () => {
  const env = { PGWITNESS_ADMIN_PORT: '9000', PGWITNESS_CATALOG_USER: 'x', PGPASSWORD: 'p' }
  const config = loadConfig({ env })
  expect(config.admin).toEqual({ host: '127.0.0.1', port: 9000 })
  expect(config.catalog).toEqual({ user: 'x', password: 'p', refresh_ms: 30_000 })
})

describe('errors', () => {
  test.each([
    ['PGWITNESS_LISTEN_PROT', /Did you mean PGWITNESS_LISTEN_PORT\?/],
    ['PGWITNESS_CONFG', /Did you mean PGWITNESS_CONFIG\?/],
    ['PGWITNESS_CATALOG_PASSWORD', /PGPASSWORD/],
    ['PGWITNESS_UPSTREAM', /./],
    ['PGWITNESS_PORT', /./],
  ])('an unknown variable is refused: %s', (name, hint) => {
    const error = errorOf({ [name]: 'hunter2' })
    expect(error.code).toBe('config.unknown_key')
    expect(error.issues).toMatchObject([{ path: name, reason: 'no such variable' }])
    expect(error.issues[0]?.hint).toMatch(hint)
    expect(error.message).not.toContain('hunter2')
  })

  test.each<[string, string, string, RegExp]>([
    ['PGWITNESS_LISTEN_PORT', 'http', 'listen.port', /is not a port/],
    ['PGWITNESS_UPSTREAM_ACCEPT_TRUST', 'yes', 'upstream.accept_trust', /is not a boolean/],
    ['PGWITNESS_LISTEN_ALLOW', '10.0.0.0/8,x', 'listen.allow[1]', /is not an address/],
    ['PGWITNESS_AUDIT_FILE_MODE', '600x', 'audit.file_mode', /is not a file mode/],
    ['PGWITNESS_RULES', '- name: a\n  class: X', 'rules[0].class', /is not known/],
  ])('a bad value names key and variable: %s=%s', (name, value, path, reason) => {
    const [issue] = errorOf({ [name]: value }).issues
    expect(issue).toMatchObject({ path, source: name })
    expect(issue?.reason).toMatch(reason)
  })

  test('an empty value and bad YAML are refused', () => {
    expect(errorOf({ PGWITNESS_RULES: ' ' }).message).toContain('is set but empty')
    expect(errorOf({ PGWITNESS_RULES: '- [' })).toMatchObject({ code: 'config.syntax' })
  })
})

test('variables that describe a service of our name are left alone', () => {
  const env = {
    PGWITNESS_SERVICE_HOST: '10.0.0.1',
    PGWITNESS_SERVICE_PORT: '7432',
    PGWITNESS_SERVICE_PORT_POSTGRES: '7432',
    PGWITNESS_PORT: 'tcp://10.0.0.1:7432',
    PGWITNESS_PORT_7432_TCP: 'tcp://10.0.0.1:7432',
    PGWITNESS_PORT_7432_TCP_PROTO: 'tcp',
    PGWITNESS_PORT_7432_TCP_PORT: '7432',
    PGWITNESS_PORT_7432_TCP_ADDR: '10.0.0.1',
    PGWITNESS_DEMO_SERVICE_HOST: '10.0.0.1',
    PGWITNESS_DEMO_PORT: 'tcp://10.0.0.1:7432',
  }
  expect(loadConfig({ env })).toEqual(loadConfig({}))
})

import { expect, it } from 'vitest'
import type { Config } from '../../src/config/config.js'
import { configChanges, needsRestart } from '../../src/config/config-changes.js'
import { loadConfig } from '../../src/config/load.js'

function load(settings: Readonly<Record<string, unknown>>, password?: string): Config {
  return loadConfig({ settings, env: password === undefined ? {} : { PGPASSWORD: password } })
}

it('names what differs, as the file would say it', () => {
  const old = load({ rules: [{ name: 'a' }], audit: { retain: { age: '30d', files: 9 } } })
  const next = load({
    rules: [{ name: 'a', class: 'read' }],
    audit: { retain: { age: '90d' }, flush: { sync: '2s' } },
    server_log: { file: '/tmp/x.log' },
  })
  expect(configChanges(old, next)).toEqual([
    { key: 'audit.retain.age', old: '30d', new: '90d' },
    { key: 'audit.retain.files', old: 9 },
    { key: 'audit.flush.sync', old: '1s', new: '2s' },
    { key: 'rules', old: [{ name: 'a' }], new: [{ name: 'a', class: ['READ'] }] },
    { key: 'server_log.file', new: '/tmp/x.log' },
  ])
  expect(configChanges(next, next)).toEqual([])
})

it('tells rules that say nothing from none', () => {
  expect(configChanges(load({}), load({ rules: [] }))).toEqual([{ key: 'rules', new: [] }])
})

it('tells a secret by its name alone', () => {
  const catalog = { user: 'witness' }
  const changes = configChanges(load({ catalog }, 'first'), load({ catalog }, 'second'))
  expect(changes).toEqual([{ key: 'catalog.password' }])
})

it.each([
  ['rules', false],
  ['object_audit.role', false],
  ['server_log.level', false],
  ['server_log.file', true],
  ['audit.retain.size', false],
  ['audit.rotate.size', true],
  ['audit.seal.key', true],
  ['audit.time_zone', true],
  ['listen.tls.cert', false],
  ['listen.tls.client_ca', false],
  ['listen.tls.mode', true],
  ['listen.port', true],
  ['upstream.tls.ca', false],
  ['upstream.tls.mode', true],
  ['upstream.host', true],
  ['catalog.password', false],
  ['catalog.password_file', false],
  ['catalog.user', true],
  ['instance', true],
])('%s needs a restart: %s', (key, wanted) => {
  expect(needsRestart({ key })).toBe(wanted)
})

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { z } from 'zod'
import type { Config } from '../../src/config/config.js'
import { loadConfig } from '../../src/config/load.js'
import { versionOf } from '../support/client-tools.js'
import { startPostgres } from '../support/postgres.js'

/**
 * Files for container engines, Kubernetes and systemd, none of which runs here: what we rely on in
 * them is looked at, and what can be run of them is run.
 */

function textOf(name: string): string {
  return readFileSync(fileURLToPath(new URL(`../../${name}`, import.meta.url)), 'utf8')
}

const image_environment = Object.fromEntries(
  [...textOf('Dockerfile').matchAll(/^ENV (\w+)=(\S+)$/gm)].map(([, name = '', value = '']) => [
    name,
    value,
  ]),
)
const { version }: { readonly version: string } = JSON.parse(textOf('package.json'))

/** A configuration from the text of a file and an environment. */
function configOf(yaml: string | undefined, env: Readonly<Record<string, string>>): Config {
  const directory = mkdtempSync(join(tmpdir(), 'pgwitness-deployment-'))
  const file = join(directory, 'pgwitness.yaml')
  writeFileSync(file, yaml ?? '{}')
  const config = loadConfig({ file, env: { ...image_environment, ...env } })
  rmSync(directory, { recursive: true })
  return config
}

/** Longer than our own drain, and than the last records take. */
const farewell_s = 25

/**
 * The schema of the Compose specification for the keys that we use, in their forms that we use; no
 * other key passes. See https://github.com/compose-spec/compose-spec, schema/compose-spec.json.
 */
const strings = z.array(z.string()).refine((list) => new Set(list).size === list.length)
const duration = z.string().regex(/^(\d+(us|ms|s|m|h))+$/)
const compose_name = z.string().regex(/^[a-zA-Z0-9._-]+$/)
const compose_service = z
  .strictObject({
    build: z.string(),
    cap_drop: strings,
    configs: z.array(z.strictObject({ source: z.string(), target: z.string() })),
    depends_on: z.record(
      compose_name,
      z.strictObject({
        condition: z.enum(['service_started', 'service_healthy', 'service_completed_successfully']),
      }),
    ),
    environment: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
    healthcheck: z.strictObject({
      // A list without one of these words at its head is refused by the engine.
      test: z.tuple([z.enum(['CMD', 'CMD-SHELL', 'NONE'])], z.string()),
      interval: duration,
      timeout: duration,
      retries: z.number(),
    }),
    image: z.string(),
    init: z.boolean(),
    ports: strings,
    read_only: z.boolean(),
    security_opt: strings,
    stop_grace_period: duration,
    volumes: strings,
  })
  .partial()
const compose_file = z.strictObject({
  services: z.record(compose_name, compose_service),
  configs: z.record(compose_name, z.strictObject({ content: z.string() })),
  volumes: z.record(compose_name, z.null()),
})

describe('docker-compose.yml', () => {
  interface Service {
    readonly [key: string]: unknown
    readonly image: string
    readonly environment: Readonly<Record<string, string>>
    readonly volumes: readonly string[]
    readonly configs?: readonly { readonly source: string; readonly target: string }[]
    readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
    readonly healthcheck?: { readonly test: readonly string[] }
  }
  interface Compose {
    readonly services: Readonly<Record<'postgres' | 'pgwitness', Service>>
    readonly configs: Readonly<Record<string, { readonly content: string }>>
    readonly volumes: Readonly<Record<string, null>>
  }
  const text = textOf('docker-compose.yml')
  const compose: Compose = parse(text)
  const { postgres, pgwitness } = compose.services

  test('is as the schema of the Compose specification asks', () => {
    expect(compose_file.safeParse(parse(text)).error?.issues).toBeUndefined()
  })

  test.each([
    ['a key that does not exist', 'init: true', 'initial: true'],
    ['a number where a duration stands', 'stop_grace_period: 30s', 'stop_grace_period: 30'],
    ['a condition that does not exist', 'service_healthy', 'service_well'],
    ['a capability without a list', 'cap_drop: [ALL]', 'cap_drop: ALL'],
  ])('is not with %s', (_, right, wrong) => {
    expect(text).toContain(right)
    expect(compose_file.safeParse(parse(text.replace(right, wrong))).success).toBe(false)
  })

  test('declares what its services name', () => {
    for (const { volumes, configs = [], depends_on = {} } of Object.values(compose.services)) {
      const named = volumes.map((volume) => volume.split(':')[0] ?? '')
      expect(Object.keys(compose.volumes)).toEqual(expect.arrayContaining(named))
      const sources = configs.map(({ source }) => source)
      expect(Object.keys(compose.configs)).toEqual(expect.arrayContaining(sources))
      expect(Object.keys(compose.services)).toEqual(expect.arrayContaining(Object.keys(depends_on)))
    }
    expect(pgwitness.depends_on).toEqual({ postgres: { condition: 'service_healthy' } })
  })

  test('asks for both passwords, and interpolates nothing else', () => {
    const variables = [...text.matchAll(/(?<!\$)\$\{?(\w+)/g)].map(([, name]) => name)
    expect(new Set(variables)).toEqual(new Set(['POSTGRES_PASSWORD', 'PGWITNESS_CATALOG_PASSWORD']))
    expect(text.match(/(?<!\$)\$\{\w+:\?/g)).toHaveLength(3)
  })

  test('keeps the trail on a volume, and everything else read-only and without rights', () => {
    expect(pgwitness).toMatchObject({
      image: `pgwitness:${version}`,
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    })
    expect(Number.parseInt(String(pgwitness['stop_grace_period']), 10)).toBeGreaterThan(farewell_s)
    const { audit, upstream } = configOf(undefined, pgwitness.environment)
    const mounts = pgwitness.volumes.map((volume) => volume.split(':')[1])
    expect(mounts.some((mount) => audit.directory.startsWith(`${mount}/`))).toBe(true)
    expect(Object.keys(compose.services)).toContain(upstream.host)
    expect(postgres).not.toHaveProperty('ports')
  })

  test.skipIf(versionOf('psql') === undefined)(
    'makes the role that reads the catalog (skips without psql)',
    async () => {
      const [config] = postgres.configs ?? []
      expect(config?.target).toMatch(/^\/docker-entrypoint-initdb\.d\/.*\.sh$/)
      const script = compose.configs[config?.source ?? '']?.content.replaceAll('$$', '$') ?? ''
      const server = await startPostgres()
      const { host, port, superuser, password } = server
      const env = {
        PGHOST: host,
        PGPORT: `${port}`,
        PGPASSWORD: password,
        CATALOG_PASSWORD: `it's "x`,
      }
      execFileSync('sh', ['-ec', script], {
        env: { ...process.env, PGDATABASE: superuser, ...env },
      })
      const options = { host, port, user: 'pgwitness', password: `it's "x`, database: 'postgres' }
      const client = new pg.Client(options)
      await client.connect()
      expect((await client.query('SELECT current_user AS name')).rows).toEqual([
        { name: 'pgwitness' },
      ])
      await client.end()
      await server.stop()
    },
  )
})

describe('config/kubernetes-sidecar.yaml', () => {
  // biome-ignore lint/suspicious/noExplicitAny: the manifest is read as loosely as kubectl reads it.
  type Loose = any
  const documents: readonly Loose[] = parseAllDocuments(
    textOf('config/kubernetes-sidecar.yaml'),
  ).map((document) => {
    expect(document.errors).toEqual([])
    return document.toJS()
  })
  const kind = (name: string): Loose => documents.find((document) => document.kind === name)
  const { spec: pod } = kind('Deployment').spec.template
  const [sidecar] = pod.initContainers

  test('has an API version, a kind and a name in each document', () => {
    expect(documents.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`)).toEqual([
      'v1 ConfigMap',
      'v1 PersistentVolumeClaim',
      'apps/v1 Deployment',
    ])
    const { selector, template } = kind('Deployment').spec
    expect(template.metadata.labels).toEqual(selector.matchLabels)
  })

  test('gives pgwitness a configuration that it takes, and the application its port', () => {
    const plain = sidecar.env.filter(({ value }: Loose) => value !== undefined)
    const env = Object.fromEntries(plain.map(({ name, value }: Loose) => [name, value]))
    const config = configOf(kind('ConfigMap').data['pgwitness.yaml'], { ...env, PGPASSWORD: 'x' })
    const [application] = pod.containers
    const pointed = Object.fromEntries(
      application.env.map(({ name, value }: Loose) => [name, value]),
    )
    expect(pointed).toEqual({ PGHOST: config.listen.host, PGPORT: `${config.listen.port}` })
    expect(config.catalog).toMatchObject({ user: 'pgwitness', password: 'x' })
    const [port] = sidecar.ports
    expect(config.admin).toEqual({ host: '0.0.0.0', port: port.containerPort })
    for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
      expect(sidecar[probe].httpGet.port).toBe(port.name)
      expect(sidecar[probe].httpGet.path).toMatch(/^\/(healthz|readyz)$/)
    }
    const mounts: readonly string[] = sidecar.volumeMounts.map(({ mountPath }: Loose) => mountPath)
    expect(mounts.some((mount) => config.audit.directory.startsWith(`${mount}/`))).toBe(true)
    expect(sidecar.args).toEqual(['run', '--config', '/etc/pgwitness/pgwitness.yaml'])
  })

  test('starts before the application, ends after it, and has no rights', () => {
    expect(sidecar).toMatchObject({ image: `pgwitness:${version}`, restartPolicy: 'Always' })
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(farewell_s)
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true })
    expect(sidecar.securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    const volumes = pod.volumes.map(({ name }: Loose) => name)
    expect(volumes).toEqual(sidecar.volumeMounts.map(({ name }: Loose) => name))
  })
})

describe('config/pgwitness.service', () => {
  const unit = textOf('config/pgwitness.service')
  const values = (key: string): readonly string[] =>
    [...unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value]) => value ?? '')

  test('starts, reloads and stops as the program asks', () => {
    const [command = ''] = values('ExecStart')
    expect(command).toMatch(/^\/\S+\/pgwitness run --config (\S+)$/)
    expect(values('ExecStartPre')).toEqual([command.replace(' run ', ' check ')])
    expect(values('ExecReload')).toEqual(['/bin/kill -HUP $MAINPID'])
    expect(Number.parseInt(values('TimeoutStopSec')[0] ?? '', 10)).toBeGreaterThan(farewell_s)
    const [, directory = ''] =
      /^PGWITNESS_AUDIT_DIRECTORY=(.*)$/.exec(values('Environment')[1] ?? '') ?? []
    expect(directory.startsWith(`/var/lib/${values('StateDirectory')[0]}/`)).toBe(true)
  })

  test.skipIf(versionOf('systemd-analyze') === undefined)(
    'is a unit without faults, and well shut in (skips without systemd-analyze)',
    () => {
      const directory = mkdtempSync(join(tmpdir(), 'pgwitness-unit-'))
      const file = join(directory, 'pgwitness.service')
      // The program is not installed here; that it exists is all that is asked of it.
      writeFileSync(file, unit.replaceAll('/usr/local/bin/pgwitness', '/bin/true'))
      const analyse = (...words: readonly string[]) => {
        const { stdout, stderr } = spawnSync('systemd-analyze', [...words, file], {
          encoding: 'utf8',
        })
        return stdout + stderr
      }
      // What it says of other units of this machine is not ours.
      expect(analyse('verify', '--man=no')).not.toContain('pgwitness.service')
      const [, exposure = ''] =
        /exposure level for \S+: ([\d.]+)/.exec(
          analyse('security', '--offline=true', '--no-pager'),
        ) ?? []
      rmSync(directory, { recursive: true })
      expect(Number(exposure)).toBeLessThan(2)
      expect(exposure).not.toBe('')
    },
  )
})

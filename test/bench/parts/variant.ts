import type { ScratchPostgres } from '../../support/postgres.js'
import type { Service } from './service.js'
import type { TrailCount } from './trail-count.js'

/** One way between pgbench and PostgreSQL. */
export interface Variant {
  readonly name: string
  /** What it is, in a line. */
  readonly title: string
  readonly server: ScratchPostgres
  /** Where clients connect. */
  readonly port: number
  /** Environment of the clients beyond the place. */
  readonly environment: Readonly<Record<string, string>>
  /** What stands between; undefined for direct connections. */
  readonly service?: Service
  /** The trail that it leaves of everything. */
  readonly trail?: TrailCount
}

/** A variant that cannot be measured here. */
export interface MissingVariant {
  readonly name: string
  readonly how_to_get: string
}

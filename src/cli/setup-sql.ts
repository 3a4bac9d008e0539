import { resolve } from 'node:path'
import type { Config } from '../config/config.js'
import { loadConfig } from '../config/load.js'
import { roleScript } from './setup-role-sql.js'
import { tableScript } from './setup-table-sql.js'

/** What `pgwitness setup-sql` was asked for. */
export interface SetupSqlOptions {
  readonly config?: string
  /** True for the landing table of an audit database instead of the catalog's role. */
  readonly table: boolean
  /** The role of the side connection, or the one that may read the table. */
  readonly role?: string
}

const default_role = 'pgwitness'
const default_reader = 'auditor'

/** Prints SQL for psql. It holds no password: psql is given that. */
export function setupSql(options: SetupSqlOptions): number {
  const { config: file, role, table } = options
  const config = loadConfig({ ...(file === undefined ? {} : { file }), env: process.env })
  process.stdout.write(
    table
      ? tableScript(role ?? default_reader, directoryOf(config))
      : roleScript(roleOf(config, role)),
  )
  return 0
}

function roleOf(config: Config, role: string | undefined): string {
  return role ?? config.catalog?.user ?? default_role
}

/** Whole, since the script is run elsewhere. */
function directoryOf(config: Config): string {
  return resolve(config.audit.directory)
}

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { debianBinaries, type ScratchPostgres, startPostgres } from '../../support/postgres.js'
import { logBefore, statement_log } from '../../support/server-log.js'
import { administer } from '../scratch-talk.js'

/** The version for which Debian 12 has a pgaudit. */
const version = 15

/** Why the comparison cannot run here; undefined when it can. */
export function missingPgaudit(): string | undefined {
  const binaries = debianBinaries(version)
  if (binaries === undefined)
    return 'skipped without /usr/lib/postgresql/15 (apt-get install postgresql-15-pgaudit)'
  const library = join(binaries, '../lib/pgaudit.so')
  return existsSync(library)
    ? undefined
    : 'skipped without pgaudit (apt-get install postgresql-15-pgaudit)'
}

/** A server whose pgaudit logs everything, and whose log tells where each statement begins and ends. */
export async function startAuditServer(log_relation: boolean): Promise<ScratchPostgres> {
  const binaries = debianBinaries(version)
  if (binaries === undefined) throw new Error('no PostgreSQL 15')
  return await startPostgres({
    binaries,
    settings: {
      shared_preload_libraries: 'pgaudit',
      'pgaudit.log': 'all',
      'pgaudit.log_catalog': 'on',
      'pgaudit.log_parameter': 'on',
      'pgaudit.log_relation': log_relation ? 'on' : 'off',
      'pgaudit.role': 'auditor',
      ...statement_log,
      // Workers of parallel queries repeat pgaudit's lines under their own process.
      max_parallel_workers_per_gather: '0',
      max_prepared_transactions: '10',
      wal_level: 'logical',
      track_commit_timestamp: 'on',
    },
    hba: ['host all all 127.0.0.1/32 trust'],
  })
}

/** The server's whole log, up to a statement that is logged behind all that was done before. */
export async function logOfServer(postgres: ScratchPostgres): Promise<string> {
  const mark = `SELECT 1 AS end_of_log_${process.hrtime.bigint()}`
  await administer(postgres, 'postgres', mark)
  return await logBefore(postgres, mark)
}

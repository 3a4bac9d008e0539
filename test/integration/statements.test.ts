import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import {
  type ProxyUnderTest,
  startProxy,
  statementsOf,
  type TrailRecord,
} from '../support/proxy.js'
import { serverMajor } from '../support/server-binaries.js'
import { type StatementRow, statement_rows } from './statement-rows.js'

let postgres: ScratchPostgres
let records: readonly TrailRecord[]

function describeObject(object: Readonly<Record<string, unknown>>): string {
  const { name, type, access, columns, via, resolved } = object
  const parts = [name, type, object['class'], Array.isArray(access) ? access.join('+') : access]
  if (Array.isArray(columns)) parts.push(`(${columns.join(', ')})`)
  if (via !== undefined) parts.push(`via ${via}`)
  // What lives in no schema is certain as soon as the next refresh has brought it.
  const in_schema = String(name).includes('.') || resolved === 'none'
  if (in_schema && resolved !== 'catalog') parts.push(resolved)
  return parts.join(' ')
}

const server_major = serverMajor()

function rowOf(record: TrailRecord): StatementRow {
  return [
    record.statement?.text ?? '',
    record.class,
    record.command,
    record.outcome === 'success' ? record.rows : record.sqlstate,
    (record.objects ?? []).map(describeObject),
  ]
}

/**
 * Servers before 18 do not report search_path, so that what may have changed it out of our sight
 * leaves names assumed; and their EXPLAIN ANALYZE has fewer lines.
 */
function comparable(row: StatementRow): StatementRow {
  if (server_major >= 18) return row
  const [sql, class_, command, rows, objects] = row
  const names = objects.map((object) => object.replace(/ assumed$/, ''))
  return [sql, class_, command, command === 'EXPLAIN' ? undefined : rows, names]
}

/**
 * Waits until the catalog was read behind an extension: before, nobody knows what it has made, and
 * a name behind the first of the path may be something else.
 */
async function readAgain(proxy: ProxyUnderTest): Promise<void> {
  const isCertain = ({ objects = [] }: TrailRecord) =>
    objects.some(({ name, resolved }) => name === 's.journal' && resolved === 'catalog')
  let asked = 0
  for (let certain = false; !certain; ) {
    const application_name = `probe ${++asked}`
    const client = await proxy.client({ application_name, options: '-c search_path=public,s' })
    await client.query('SELECT FROM journal')
    await client.end()
    const probed = (await proxy.records()).filter(
      ({ session }) => session?.['application'] === application_name,
    )
    certain = probed.some(isCertain)
  }
}

beforeAll(async () => {
  postgres = await startPostgres({ settings: { max_prepared_transactions: '2' } })
  const proxy = await startProxy(postgres)
  await proxy.catalogKnown()
  const client = await proxy.client({ application_name: 'statements' })
  for (const [sql] of statement_rows) {
    await client.query(sql).catch(() => undefined)
    if (sql.startsWith('CREATE EXTENSION')) await readAgain(proxy)
  }
  await client.end()
  records = statementsOf(await proxy.finish()).filter(
    // On a busy machine one may run for longer than start_after.
    (record) => record.session?.['application'] === 'statements' && record['phase'] !== 'start',
  )
})

afterAll(async () => {
  await postgres.stop()
})

describe('statements on a real server', () => {
  it('leave one record each, in their order', () => {
    expect(records.map((record) => record.statement?.text)).toEqual(
      statement_rows.map(([sql]) => sql),
    )
    expect(records.filter((record) => record.analysis !== undefined)).toEqual([])
  })

  const known = statement_rows.map((row, index) => [row[0], row, index] as const)
  it.each(known.filter(([sql]) => server_major >= 15 || !sql.startsWith('MERGE')))(
    '%s',
    (_, row, index) => {
      const record = records[index]
      if (record === undefined) throw new Error('there is no record')
      expect(comparable(rowOf(record))).toEqual(comparable(row))
    },
  )
})

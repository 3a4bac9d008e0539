import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runTool, versionOf } from '../support/client-tools.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type ProxyUnderTest, startProxy, type TrailRecord } from '../support/proxy.js'

const pgbench = versionOf('pgbench')
let postgres: ScratchPostgres
let proxy: ProxyUnderTest

async function run(port: number, args: readonly string[]): Promise<void> {
  const output = await runTool('pgbench', args, {
    PGHOST: '127.0.0.1',
    PGPORT: String(port),
    PGUSER: postgres.superuser,
    PGPASSWORD: postgres.password,
    PGDATABASE: 'postgres',
    PGAPPNAME: 'pgbench',
  })
  expect(output).toMatchObject({ code: 0 })
}

/** How often texts were known by themselves, by their shape or not at all, and what was parsed. */
async function figures(): Promise<{
  text: number
  shape: number
  nothing: number
  parsed: number
}> {
  const page = await (await fetch(`http://127.0.0.1:${proxy.app.admin_port}/metrics`)).text()
  const value = (series: string) => {
    const line = page.split('\n').find((one) => one.startsWith(`${series} `))
    return Number(line?.split(' ')[1])
  }
  const known_by = (what: string) => value(`pgwitness_text_lookups_total{known_by="${what}"}`)
  return {
    text: known_by('text'),
    shape: known_by('shape'),
    nothing: known_by('nothing'),
    parsed: value('pgwitness_parser_texts_total{result="parsed"}'),
  }
}

function statements(records: readonly TrailRecord[], pattern: RegExp): TrailRecord[] {
  return records.filter(({ statement }) => pattern.test(statement?.text ?? ''))
}

beforeAll(async () => {
  postgres = await startPostgres()
  proxy = await startProxy(postgres, { admin: { host: '127.0.0.1', port: 0 } })
})

afterAll(async () => {
  await proxy.finish()
  await postgres.stop()
})

if (pgbench === undefined) it.skip('pgbench (not installed)')

describe.skipIf(pgbench === undefined)('the simple protocol of pgbench', () => {
  beforeAll(async () => {
    await run(postgres.port, ['-i', '-q', '-s', '1'])
    await proxy.catalogKnown()
  })

  it('costs one parse for each of its statements, whatever values they have', async () => {
    const before = await figures()
    await run(proxy.port, ['-n', '-M', 'simple', '-S', '-c', '4', '-t', '500'])
    const selects = await figures()
    // A shape is learned once; what is sent before the first answer waits for it.
    expect(selects.parsed - before.parsed).toBeLessThanOrEqual(10)
    expect(selects.text + selects.shape - before.text - before.shape).toBeGreaterThan(1_950)
    await run(proxy.port, ['-n', '-M', 'simple', '-c', '4', '-t', '200'])
    const changes = await figures()
    expect(changes.parsed - selects.parsed).toBeLessThanOrEqual(20)
    expect(changes.text + changes.shape - selects.text - selects.shape).toBeGreaterThan(5_500)
  })

  it('leaves records with the text and the objects of each', async () => {
    const records = await proxy.records()
    const queries = statements(records, /^SELECT abalance .* WHERE aid = \d+;?$/)
    expect(queries).toHaveLength(2_000 + 800)
    // One row for each of so many accounts: a text that was another one's would repeat.
    const values = new Set(queries.map(({ statement }) => statement?.text))
    expect(values.size).toBeGreaterThan(2_600)
    for (const { class: kind, command, rows, objects } of queries) {
      expect([kind, command, rows]).toEqual(['READ', 'SELECT', 1])
      expect(objects).toMatchObject([
        {
          name: 'public.pgbench_accounts',
          class: 'READ',
          columns: ['abalance', 'aid'],
          resolved: 'catalog',
        },
      ])
    }
    const histories = statements(records, /^INSERT INTO pgbench_history/)
    expect(histories).toHaveLength(800)
    const told = histories.map(({ statement }) =>
      /\((\d+), (\d+), (\d+), (-?\d+), /.exec(statement?.text ?? ''),
    )
    const client = await proxy.client()
    const { rows } = await client.query('SELECT tid, bid, aid, delta FROM pgbench_history')
    const sorted = (lines: readonly string[]) => [...lines].sort()
    expect(sorted(told.map((found) => found?.slice(1, 5).join() ?? ''))).toEqual(
      sorted(rows.map(({ tid, bid, aid, delta }) => [tid, bid, aid, delta].join())),
    )
    await client.end()
  })
})

import { readFileSync } from 'node:fs'
import { it } from 'vitest'
import { startPostgres } from '../support/postgres.js'
import { startProxy, statementsOf } from '../support/proxy.js'

it('try', async () => {
  const postgres = await startPostgres({
    settings: { lock_timeout: '50ms', max_prepared_transactions: '20' },
  })
  const proxy = await startProxy(postgres, { catalog: { refresh: '1h' } })
  const admin = await proxy.client()
  await admin.query(
    `CREATE ROLE staff; CREATE ROLE alice LOGIN SUPERUSER PASSWORD 'w'; CREATE ROLE "Bob" LOGIN PASSWORD 'w'; GRANT staff TO alice; CREATE TABLE t1(); CREATE TABLE t2(); CREATE FUNCTION f1() RETURNS int LANGUAGE sql AS 'SELECT 1'; GRANT ALL ON SCHEMA public TO PUBLIC; CREATE SCHEMA s1;CREATE TABLE s1.t1(); create schema s2`,
  )
  await proxy.catalogKnown()
  const clients = []
  for (const user of ['postgres', 'alice', 'Bob'])
    clients.push(await proxy.client({ user, ...(user === 'postgres' ? {} : { password: 'w' }) }))
  for (const line of readFileSync('/tmp/w/names-try.sql', 'utf8').split('\n')) {
    const [, n, text] = /^(\d): (.*)$/.exec(line) ?? []
    if (text)
      await clients[Number(n)]?.query(text).catch((e: Error) => console.log(text, '--', e.message))
  }
  for (const r of statementsOf(await proxy.finish())) {
    if (r.session?.['application'] === 'catalog probe') continue
    console.log(
      r.outcome,
      r.statement?.text,
      '=>',
      JSON.stringify(r.objects?.map((o) => `${o['name']} ${o['resolved']}`)),
    )
  }
  await postgres.stop()
})

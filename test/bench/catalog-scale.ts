import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { DatabaseCatalogSource } from '../../src/catalog/catalog-source.js'
import { connect } from '../catalog/fixtures.js'
import { liveHeapBytes } from '../support/live-heap.js'
import { startPostgres } from '../support/postgres.js'

/**
 * What a large catalog costs: `npm run bench:catalog -- 100000` makes that many relations and prints
 * how long they take to load and to refresh, how long the event loop is held up meanwhile, and what
 * they take of memory.
 */

const count = Number(process.argv[2] ?? 100_000)
const schemas = 20
const ms = (value: number) => `${value.toFixed(0)} ms`
const mib = (value: number) => `${(value / 1024 / 1024).toFixed(1)} MiB`

const server = await startPostgres({
  settings: { max_locks_per_transaction: '1024', autovacuum: 'off', shared_buffers: '256MB' },
})
const client = await connect(server)
const log = { info: () => {}, warn: (details: object) => console.error(details) }
const place = { host: server.host, port: server.port, user: 'postgres', password: server.password }
const source = new DatabaseCatalogSource({ server: place, refresh_ms: 3_600_000, log })

/** Runs something and prints how long it took and how long the event loop was held up. */
async function measured(what: string, run: () => Promise<void>): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const cpu = process.cpuUsage()
  const before = performance.now()
  await run()
  const took = performance.now() - before
  const { user, system } = process.cpuUsage(cpu)
  delay.disable()
  const held = `event loop held up ${ms(delay.max / 1e6)} at most, ${ms(delay.percentile(99) / 1e6)} p99`
  console.log(`${what}: ${ms(took)}, ${ms((user + system) / 1000)} of CPU, ${held}`)
}

try {
  for (let schema = 0; schema < schemas; schema++) {
    await client.query(`CREATE SCHEMA schema_${schema}`)
    const per_schema = Math.ceil(count / schemas)
    // One transaction for each thousand: each table holds a lock until its end.
    for (let first = 0; first < per_schema; first += 1_000) {
      const last = Math.min(first + 1_000, per_schema) - 1
      await client.query(`DO $$ BEGIN FOR i IN ${first}..${last} LOOP
        EXECUTE format('CREATE TABLE schema_${schema}.table_%s (id int, name varchar(20))', i);
        IF i % 4 = 0 THEN EXECUTE format('GRANT SELECT ON schema_${schema}.table_%s TO PUBLIC', i); END IF;
      END LOOP; END $$`)
    }
  }
  const heap = liveHeapBytes()
  const { external } = process.memoryUsage()
  const names = source.open('postgres')
  await measured(`first load of ${count} relations`, () => source.refresh('postgres'))
  const used = liveHeapBytes() - heap
  console.log(
    `memory: ${mib(used)} of heap, ${mib(process.memoryUsage().external - external)} outside`,
  )
  await measured('a refresh without a change', () => source.refresh('postgres'))
  await client.query('CREATE TABLE schema_1.news (i int)')
  await measured('a refresh after one CREATE TABLE', () => source.refresh('postgres'))
  await client.query('DROP TABLE schema_1.news')
  await measured('a refresh after one DROP TABLE', () => source.refresh('postgres'))
  await client.query('ANALYZE schema_0.table_1')
  await measured('a refresh after ANALYZE of one table', () => source.refresh('postgres'))
  const stats = source.status()[0]
  console.log(`loads: ${stats?.loads}`)
  names.close()
  await sleep(0)
} finally {
  await source.close()
  await client.end()
  await server.stop()
}

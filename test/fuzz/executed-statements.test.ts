import { connect, createServer, type Socket } from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  bind,
  closePortal,
  closeStatement,
  copyDone,
  describePortal,
  describeStatement,
  execute,
  message,
  parse,
  query,
  sync,
} from '../support/messages.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { startProxy, statementsOf, type TrailRecord } from '../support/proxy.js'
import { RawClient, startupPacket } from '../support/raw-client.js'

/**
 * Sessions of random messages, cut into random chunks on both legs. A function of the server
 * writes a number into the server's log: what it was called with ran, whoever asked for it in
 * whatever way, and must be in the trail as something that may have run.
 */

type Random = (below: number) => number

const sessions = 80
const ran: ReadonlySet<unknown> = new Set([
  'success',
  'suspended',
  'failure',
  'cancelled',
  'unknown',
])

let postgres: ScratchPostgres

beforeAll(async () => {
  postgres = await startPostgres({
    settings: { log_min_messages: 'log', log_min_error_statement: 'panic' },
    hba: ['host all all 127.0.0.1/32 trust'],
  })
  const { host, port } = postgres
  const admin = new pg.Client({ host, port, user: 'postgres', database: 'postgres' })
  await admin.connect()
  await admin.query(`CREATE TABLE t (n int);
    CREATE TABLE u (n int UNIQUE DEFERRABLE INITIALLY DEFERRED);
    CREATE FUNCTION mark(n int) RETURNS int LANGUAGE plpgsql VOLATILE AS
      $$BEGIN RAISE LOG 'MARK=%=', n; RETURN n; END$$`)
  await admin.end()
})

afterAll(async () => {
  await postgres.stop()
})

/** The same numbers for the same seed. Source: Numerical Recipes, the quick generator. */
function randomOf(seed: number): Random {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** Relays every connection to `target` in chunks of random length. */
async function chunker(target: number, random: Random) {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const options = { host: '127.0.0.1', port: target, allowHalfOpen: true, noDelay: true }
    const upstream = connect(options)
    relayInPieces(client, upstream, random)
    relayInPieces(upstream, client, random)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: () => server.close(),
  }
}

function relayInPieces(from: Socket, to: Socket, random: Random): void {
  let earlier = Promise.resolve()
  const then = (step: () => void | Promise<void>) => {
    earlier = earlier.then(step)
  }
  from.on('error', () => to.destroy())
  from.on('data', (chunk: Buffer) =>
    then(async () => {
      for (let at = 0, length = 0; at < chunk.length; at += length) {
        length = 1 + random(random(3) === 0 ? 7 : 900)
        to.write(chunk.subarray(at, at + length))
        await new Promise((resolve) => setImmediate(resolve))
      }
    }),
  )
  from.on('end', () => then(() => void to.end()))
  from.on('close', () => then(() => to.destroySoon()))
}

let mark = 1000

function statement(random: Random): string {
  const call = `mark(${++mark})`
  const texts = [
    `SELECT ${call}`,
    `INSERT INTO t SELECT ${call}`,
    `INSERT INTO u SELECT 1 + 0 * ${call} RETURNING n`,
    `COPY (SELECT ${call}) TO STDOUT`,
    `SELECT 1 / (${call} - ${mark})`,
    `EXPLAIN ANALYZE SELECT ${call}`,
    `WITH x AS (INSERT INTO t SELECT ${call} RETURNING n) SELECT * FROM x`,
    `DO $$BEGIN PERFORM ${call}; END$$`,
    `PREPARE a AS SELECT ${call}`,
    `PREPARE b AS INSERT INTO t SELECT ${call}`,
    `DECLARE a CURSOR WITH HOLD FOR SELECT ${call} FROM generate_series(1, 2)`,
    `SELECT 'a\\'', ${call} --'`,
    `SELEC ${call}`,
    ...['BEGIN', 'COMMIT', 'ROLLBACK', 'SAVEPOINT s', 'ROLLBACK TO s', 'DISCARD ALL', '', ';'],
    ...['EXECUTE a', 'EXECUTE b', 'FETCH 1 FROM a', 'FETCH b', 'CLOSE a', 'DEALLOCATE a'],
    ...['SET standard_conforming_strings = off', "SET client_encoding = 'LATIN1'"],
    ...['COPY t FROM STDIN', 'VACUUM'],
  ]
  return texts[random(random(2) === 0 ? 8 : texts.length)] ?? ''
}

function step(random: Random): Buffer[] {
  const name = () => ['', '', 'a', 'b'][random(4)] ?? ''
  const text = () => statement(random)
  const [prepared, portal] = [name(), name()]
  const run = [parse(prepared, text()), bind(portal, prepared), execute(portal, random(2))]
  const copied = [message('d', '5\n'), message('d', random(5) === 0 ? 'x\n' : '6\n')]
  const steps: readonly (() => Buffer[])[] = [
    () => [query(text())],
    () => [query([text(), text(), text()].join('; '))],
    () => run,
    () => [...run, sync()],
    () => [parse(name(), text())],
    () => [bind(name(), name())],
    () => [execute(name(), random(3))],
    () => [random(2) === 0 ? describePortal(name()) : describeStatement(name())],
    () => [random(2) === 0 ? closePortal(name()) : closeStatement(name())],
    () => [sync()],
    () => [message('H')],
    () => [query('COPY t FROM STDIN'), ...copied, copyDone()],
    () => [...copied, sync(), message('f', 'no\0')],
  ]
  return steps[random(steps.length)]?.() ?? []
}

async function runSession(port: number, random: Random): Promise<void> {
  const raw = await RawClient.connect(port)
  raw.send(startupPacket({ user: 'postgres', database: 'postgres' }))
  if (random(2) === 0) await raw.until((text) => text.includes('Z\0\0\0\x05I'))
  for (let left = 3 + random(25); left > 0 && !raw.socket.destroyed; left--) {
    raw.send(...step(random))
    if (random(3) === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  raw.send(copyDone(), sync())
  const goodbye = random(3)
  if (goodbye === 0) raw.end()
  else raw.send(message('X'))
  if (goodbye === 1) raw.socket.end()
  await raw.closed()
}

/** Numbers of the calls that a record says may have run, by its own text or the prepared one. */
function marksOf(record: TrailRecord): string[] {
  if (!ran.has(record.outcome)) return []
  const text = `${record.statement?.text} ${record.statement?.['prepared']}`
  return [...text.matchAll(/mark\((\d+)\)/g)].map(([, number]) => number ?? '')
}

it('every statement that ran is in the trail, and nothing disagrees', async () => {
  const random = randomOf(20261122)
  const back = await chunker(postgres.port, random)
  const proxy = await startProxy(postgres, { upstream: { port: back.port } })
  const front = await chunker(proxy.port, random)
  const seeds = Array.from({ length: sessions }, (_, n) => 7_000 + n)
  const lanes = Array.from({ length: 4 }, async () => {
    for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
      await runSession(front.port, randomOf(seed))
    }
  })
  await Promise.all(lanes)
  const records = await proxy.finish()
  front.close()
  back.close()
  const recorded = new Set(statementsOf(records).flatMap(marksOf))
  const executed = [...postgres.log().matchAll(/MARK=(\d+)=/g)].map(([, number]) => number ?? '')
  expect(executed.length).toBeGreaterThan(sessions)
  expect(executed.filter((number) => !recorded.has(number))).toEqual([])
  expect(records.filter(({ analysis }) => analysis === 'mismatch')).toEqual([])
  // Where backslashes escape, a text may be fewer statements to the server than to the grammar.
  const disagreements = records.filter(
    ({ command, message: words }) =>
      command === 'protocol disagreement' && words?.includes('answered of') !== true,
  )
  expect(disagreements).toEqual([])
})

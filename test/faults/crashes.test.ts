import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type EmbeddedServer, startEmbeddedServer } from '../../src/cli/embedded-server.js'
import {
  auditDirectory,
  type ClientDiary,
  type Death,
  DoomedProxy,
  recordsOf,
  workUntilDeath,
} from '../support/doomed-proxy.js'
import type { TrailRecord } from '../support/proxy.js'
import { verifyDirectory } from '../trail/tampering/sealed-trail.js'

/** Proxies that are killed under load, on one trail; PGWITNESS_CRASHES=300 for a long run. */
const rounds = Number(process.env['PGWITNESS_CRASHES'] ?? 6)
const clients = 4
const interval_ms = 50
const password = 'only good here'
/** Rounds on the same trail: reading all of it after each would take ever longer. */
const rounds_of_a_trail = 25

/**
 * On a busy machine the writer's own thread may get no time for longer than the process can tell:
 * the window is held to its word where the long run is asked for, and to no gross loss elsewhere.
 */
const slack_ms = process.env['PGWITNESS_CRASHES'] === undefined ? 5_000 : 0

let server: EmbeddedServer
let scratch: string

beforeAll(async () => {
  server = await startEmbeddedServer({ password })
})

afterAll(async () => {
  await server.stop()
})

/** What an application does, in turn: each deed leaves one record with its mark, or two. */
async function deed(client: pg.Client, mark: string, n: number): Promise<void> {
  switch (n % 5) {
    case 0:
      await client.query('SELECT $1::text', [mark])
      return
    case 1:
      await client.query('BEGIN')
      await client.query(`SELECT '${mark}', repeat('x', 2000)`)
      await client.query('COMMIT')
      return
    case 2:
      await client.query(`SELECT '${mark}' / 0`).catch((error: unknown) => {
        if (!(error instanceof Error && 'code' in error && error.code === '22P02')) throw error
      })
      return
    default:
      await client.query(`SELECT '${mark}'`)
  }
}

function markOf({ statement, parameters }: TrailRecord): string | undefined {
  return /round\d+-\d+-\d+/.exec(`${statement?.text} ${parameters?.join()}`)?.[0]
}

/** Numbers of the records of each start without a gap, each at least once. */
function gapsIn(records: readonly { epoch: number; seq: number }[]): string[] {
  const numbers = new Map<number, Set<number>>()
  for (const { epoch, seq } of records) {
    const of_epoch = numbers.get(epoch) ?? new Set()
    numbers.set(epoch, of_epoch.add(seq))
  }
  return [...numbers].flatMap(([epoch, seqs]) =>
    Math.max(...seqs) === seqs.size ? [] : [`start ${epoch}: ${seqs.size} of ${Math.max(...seqs)}`],
  )
}

/** What a client did is in the trail up to some deed, and up to the window that is promised. */
function checkDiary(
  diary: ClientDiary,
  recorded: ReadonlySet<string>,
  death: Death | undefined,
): void {
  const known = diary.asked.filter((mark) => recorded.has(mark)).length
  expect(diary.asked.slice(0, known).filter((mark) => !recorded.has(mark))).toEqual([])
  if (death === undefined) return
  const safe_ms = death.killed_ms - interval_ms - death.late_ms - slack_ms
  const due = diary.answered_ms.filter((answered_ms) => answered_ms < safe_ms).length
  expect(known, `killed at ${death.killed_ms}, late ${death.late_ms}`).toBeGreaterThanOrEqual(due)
}

async function checkVerdict(): Promise<void> {
  const { verdict, findings } = await verifyDirectory(auditDirectory(scratch), { unsigned: true })
  expect(findings.filter((finding) => finding.startsWith('altered'))).toEqual([])
  // A first start that was killed at once has left no seal.
  const sealed = !findings.join().includes('the trail holds no seal')
  expect(verdict, findings.join('\n')).toBe(sealed ? 2 : 3)
}

async function marksRecorded(): Promise<ReadonlySet<string>> {
  return new Set((await recordsOf(scratch)).flatMap((record) => markOf(record) ?? []))
}

async function untilAllAreRecorded(diaries: readonly ClientDiary[]): Promise<void> {
  const isThere = async () => {
    const recorded = await marksRecorded()
    return diaries.every(({ asked }) => recorded.has(asked[4] ?? ''))
  }
  await expect.poll(isThere).toBe(true)
}

async function startAndKill(round: number): Promise<void> {
  const proxy = await DoomedProxy.start({
    scratch,
    upstream: { host: '127.0.0.1', port: server.port },
    audit: {
      flush: { interval: `${interval_ms}ms` },
      rotate: { size: '200KiB' },
      seal: { every: '1s', records: 300 },
    },
  })
  const connection = {
    host: '127.0.0.1',
    port: proxy.port,
    user: 'postgres',
    password,
    database: 'postgres',
  }
  const { diaries, done } = await workUntilDeath(connection, clients, `round${round}`, deed)
  // The parser's thread needs a moment to load: until then records wait for their analysis.
  const is_warm = round % 3 > 0
  if (is_warm) await untilAllAreRecorded(diaries)
  await delay(Math.random() * 600)
  const death = await proxy.kill()
  await done

  const records = await recordsOf(scratch)
  expect(gapsIn(records)).toEqual([])
  const recorded = new Set(records.flatMap((record) => markOf(record) ?? []))
  for (const diary of diaries) checkDiary(diary, recorded, is_warm ? death : undefined)
  await checkVerdict()
}

it(
  'what ended before the interval is there after kill -9, and the trail is as it was written',
  async () => {
    for (let round = 0; round < rounds; round++) {
      if (round % rounds_of_a_trail === 0) {
        scratch = fs.mkdtempSync(join(tmpdir(), 'pgwitness-crashes-'))
      }
      await startAndKill(round)
      if (round % rounds_of_a_trail === rounds_of_a_trail - 1 || round === rounds - 1) {
        fs.rmSync(scratch, { recursive: true })
      }
    }
  },
  Math.max(180_000, rounds * 10_000),
)

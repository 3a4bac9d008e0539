import { expect, it } from 'vitest'
import { Auditor } from '../../src/auditor.js'
import { DatabaseCatalogSource } from '../../src/catalog/catalog-source.js'
import { loadConfig } from '../../src/config/load.js'
import { limits } from '../../src/lib/limits.js'
import { renderHead, renderJson } from '../../src/record/json-format.js'
import { compileRules } from '../../src/rules/compile-rules.js'
import { analyseNow } from '../../src/sql/analyse-now.js'
import type { FactsSource } from '../../src/sql/facts.js'
import {
  complete,
  copyBothResponse,
  copyData,
  copyDone,
  int32,
  message,
  query,
  ready,
} from '../support/messages.js'

/** A trail that has room when the test says so. */
function trailOf() {
  const state = { room: true, lines: [] as string[], waiting: [] as (() => void)[] }
  const trail = {
    append(line: string): boolean {
      if (state.room) state.lines.push(line)
      return state.room
    },
    when_writable: (callback: () => void) => void state.waiting.push(callback),
  }
  return { state, trail }
}

async function sessionOf() {
  const config = loadConfig({ settings: { audit: { start_after: '1s' } }, env: {}, flags: {} })
  const { state, trail } = trailOf()
  const time = { now_us: 0 }
  const known = new Map([['SELECT 1', await analyseNow('SELECT 1')]])
  const facts: FactsSource = {
    lookup: (text) => ({ facts: known.get(text), when_ready: (callback) => callback() }),
    close: async () => {},
  }
  const log = { info() {}, warn() {}, error() {} }
  const auditor = new Auditor({
    config,
    facts,
    catalog: new DatabaseCatalogSource({ refresh_ms: 0, log }),
    rules: compileRules(config, 'UTC'),
    trail,
    clock: { nowMicroseconds: () => time.now_us },
    log,
    metrics: {
      statement() {},
      mismatch() {},
      sessionOpened() {},
      sessionClosed() {},
      turnedAway() {},
    },
    render: (record) => renderJson(record, 'test'),
    later: () => () => {},
  })
  const session = auditor.open({ address: '127.0.0.1', port: 1, local: true })
  session.startup(
    new Map([
      ['user', 'copier'],
      ['replication', 'on'],
    ]),
    'server',
  )
  session.loginMessage(message('R', int32(0)))
  session.fromServer(ready(), 0)
  const commands = () =>
    state.lines.map((line) =>
      /"command":"([^"]*)"(,"phase":"start")?/.exec(line)?.slice(1).join(''),
    )
  return { auditor, session, state, time, commands }
}

it('lets a stream go on both ways while the trail is full, and holds what comes after it', async () => {
  const { auditor, session, state, time, commands } = await sessionOf()
  const asked = query('START_REPLICATION 0/1')
  expect(session.fromClient(asked, 0)).toBe(asked.length)
  session.fromServer(Buffer.concat([copyBothResponse(), copyData('wal')]), 0)
  const before = commands()

  state.room = false
  time.now_us = 2_000_000
  auditor.tick()
  // The start record found no room.
  expect(state.waiting).toHaveLength(1)
  const wal = copyData(Buffer.alloc(1000))
  const feedback = copyData(`r${'x'.repeat(33)}`)
  const count = limits.pending_requests * 2
  for (let round = 0; round < count; round++) {
    expect(session.fromServer(wal, 0)).toBe(wal.length)
    expect(session.fromClient(feedback, 0)).toBe(feedback.length)
    expect([session.holdsServer, session.holdsClient]).toEqual([false, false])
  }

  const end = Buffer.concat([copyDone(), query('IDENTIFY_SYSTEM')])
  expect(session.fromClient(end, 0)).toBe(end.length)
  const over = Buffer.concat([
    copyDone(),
    complete('START_STREAMING'),
    complete('START_REPLICATION'),
  ])
  session.fromServer(Buffer.concat([over, ready()]), 0)
  expect([session.holdsServer, session.holdsClient]).toEqual([true, true])
  session.fromServer(Buffer.concat([complete('IDENTIFY_SYSTEM'), ready()]), 0)
  expect(commands()).toEqual(before)

  state.room = true
  state.waiting.shift()?.()
  expect(commands()).toEqual([
    ...before,
    'START_REPLICATION,"phase":"start"',
    'START_REPLICATION',
    'IDENTIFY_SYSTEM',
  ])
  const bytes = { bytes_in: count * 34, bytes_out: 3 + count * 1000 }
  expect(JSON.parse(renderHead('t', 1, 1) + state.lines.at(-2))).toMatchObject(bytes)
  expect([session.holdsServer, session.holdsClient]).toEqual([false, false])
})

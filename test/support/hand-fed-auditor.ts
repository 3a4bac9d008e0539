import type { MetricsPort } from '../../src/auditor/auditor-parts.js'
import { Auditor } from '../../src/auditor.js'
import { DatabaseCatalogSource } from '../../src/catalog/catalog-source.js'
import { loadConfig } from '../../src/config/load.js'
import { renderHead, renderJson } from '../../src/record/json-format.js'
import { compileRules } from '../../src/rules/compile-rules.js'
import { analyseNow } from '../../src/sql/analyse-now.js'
import type { FactsSource } from '../../src/sql/facts.js'
import { int32, message, ready } from './messages.js'

/** A trail that has room when the test says so. */
function trailOf() {
  const state = { room: true, lines: [] as string[], waiting: [] as (() => void)[] }
  const trail = {
    append(line: string): boolean {
      if (state.room) state.lines.push(line)
      return state.room
    },
    when_writable: (callback: () => void) => void state.waiting.push(callback),
    failing: undefined,
    when_failing: () => {},
    appended_position: 0,
    acknowledged_position: 0,
    when_acknowledged: () => {},
  }
  return { state, trail }
}

/** Counts nothing. */
export const no_metrics: MetricsPort = {
  statement() {},
  mismatch() {},
  sessionOpened() {},
  refused() {},
  sessionClosed() {},
  turnedAway() {},
}

/**
 * The pipeline without sockets, threads, files or a clock of its own: the test feeds it messages
 * and lets its turns pass, so that nothing depends on when things happen. It knows `texts`.
 */
export async function handFedAuditor(
  texts: readonly string[],
  settings: Parameters<typeof loadConfig>[0]['settings'] = {},
) {
  const config = loadConfig({ settings, env: {}, flags: {} })
  const { state, trail } = trailOf()
  const time = { now_us: 0 }
  const known = new Map<string, Awaited<ReturnType<typeof analyseNow>>>()
  for (const text of texts) known.set(text, await analyseNow(text))
  const facts: FactsSource = {
    lookup: (text) => ({ facts: known.get(text), when_ready: (callback) => callback() }),
    close: async () => {},
  }
  const log = { info() {}, warn() {}, error() {} }
  const turns: (() => void)[] = []
  const auditor = new Auditor({
    config,
    facts,
    catalog: new DatabaseCatalogSource({ refresh_ms: 0, log }),
    rules: compileRules(config, 'UTC'),
    trail,
    clock: { nowMicroseconds: () => time.now_us },
    log,
    metrics: no_metrics,
    render: (record) => renderJson(record, 'test'),
    later: () => () => {},
    soon: (callback) => void turns.push(callback),
  })
  return {
    auditor,
    state,
    time,
    turns,
    /** A session that is logged in. */
    session(startup: Readonly<Record<string, string>> = { user: 'postgres' }) {
      const session = auditor.open({ address: '127.0.0.1', port: 1, local: true })
      session.startup(new Map(Object.entries(startup)), 'server')
      session.loginMessage(message('R', int32(0)))
      session.fromServer(ready(), 0)
      return session
    },
    records: () =>
      state.lines.map((line, index) => JSON.parse(renderHead('t', 1, index + 1) + line)),
  }
}

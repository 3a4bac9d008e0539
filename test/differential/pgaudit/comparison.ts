import { startProxy, type TrailRecord } from '../../support/proxy.js'
import { administer } from '../scratch-talk.js'
import { auditUnits } from './audit-log.js'
import { logOfServer, startAuditServer } from './audit-server.js'
import { compare, type Verdict } from './compare.js'
import { statementsOf } from './corpus/read-sql.js'
import { doubtfulTimes, join } from './join.js'
import { type Protocol, play, type Scenario } from './player.js'

/** What came of playing scenarios before a pgaudit. */
export interface Comparison {
  /** Client requests that were sent. */
  readonly statements: number
  readonly sessions: number
  readonly verdicts: readonly Verdict[]
  /** What one side has and the other cannot even be joined with. */
  readonly unpaired: readonly string[]
}

/** How a run is made. */
export interface RunOptions {
  readonly log_relation: boolean
  readonly protocol: Protocol
}

/** Plays every scenario through a proxy to a server of its own and lays both logs side by side. */
export async function comparison(
  scenarios: readonly Scenario[],
  { log_relation, protocol }: RunOptions,
): Promise<Comparison> {
  const postgres = await startAuditServer(log_relation)
  try {
    await administer(postgres, 'postgres', 'CREATE DATABASE audited')
    await administer(postgres, 'audited', ...statementsOf('model.sql'))
    const proxy = await startProxy(postgres, {
      object_audit: { role: 'auditor' },
      audit: { flush: { interval: '200ms' } },
    })
    const sessions = new Map<number, string>()
    let records: readonly TrailRecord[] = []
    try {
      await proxy.catalogKnown('audited')
      for (const one of scenarios) sessions.set(await play(proxy, one, protocol), one.name)
    } finally {
      records = await proxy.finish()
    }
    const units = auditUnits(await logOfServer(postgres), new Set(sessions.keys()))
    const doubts = doubtfulTimes(records)
    const joined = [...sessions].map(([pid, name]) => {
      const mine = records.filter(({ session }) => Number(session?.['pid']) === pid)
      return join(name, units.get(pid) ?? [], mine, { log_relation, doubts })
    })
    return {
      statements: scenarios.reduce((sum, { steps }) => sum + steps.length, 0),
      sessions: sessions.size,
      verdicts: joined.flatMap(({ pairs }) => pairs.flatMap(compare)),
      unpaired: joined.flatMap(({ unpaired }) => unpaired),
    }
  } finally {
    await postgres.stop()
  }
}

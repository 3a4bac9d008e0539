import type { ProxyUnderTest, TrailRecord } from './proxy.js'
import { statementsOf } from './proxy.js'

/**
 * A statement record as short as an expected list wants it: text, outcome (the SQLSTATE where it
 * failed), rows (null where nobody counted), and the values where there were any.
 */
export type StatementLine =
  | readonly [text: string, outcome: string, rows: number | null]
  | readonly [text: string, outcome: string, rows: number | null, values: Values]

type Values = readonly (string | null)[]

/**
 * All statement records of the sessions that logged in under an application's name, in the order
 * of the trail. Waits until these sessions, `sessions` at least, have left their last record, so
 * that what is missing then is missing for good, and nothing can be added.
 */
export async function recordsOfEnded(
  proxy: ProxyUnderTest,
  application: string,
  sessions = 1,
): Promise<TrailRecord[]> {
  const mine = new Set<unknown>()
  const records = await proxy.recordsUntil((all) => {
    const ended = new Set(sessionsOf(all, (record) => record.command === 'disconnection'))
    const logins = sessionsOf(
      all,
      ({ command, session }) =>
        command === 'connection authorized' && session?.['application'] === application,
    )
    for (const id of logins) mine.add(id)
    return mine.size >= sessions && [...mine].every((id) => ended.has(id))
  })
  // On a busy machine any statement may run for long enough to be told twice, at its start as well.
  return statementsOf(records).filter(
    ({ phase, session }) => phase === undefined && mine.has(session?.['id']),
  )
}

function sessionsOf(
  records: readonly TrailRecord[],
  wanted: (record: TrailRecord) => boolean,
): readonly unknown[] {
  return records.filter(wanted).map((record) => record.session?.['id'])
}

/** Records as an expected list shows them. */
export function linesOf(records: readonly TrailRecord[]): StatementLine[] {
  return records.map((record) => {
    const failed = record.outcome === 'failure' || record.outcome === 'cancelled'
    const outcome = String(failed ? record.sqlstate : record.outcome)
    const text = record.statement?.text ?? ''
    const rows = record.rows ?? null
    return record.parameters === undefined
      ? [text, outcome, rows]
      : [text, outcome, rows, record.parameters]
  })
}

/** Both in one: what the sessions of an application did, when they have ended. */
export async function linesOfEnded(
  proxy: ProxyUnderTest,
  application: string,
  sessions = 1,
): Promise<StatementLine[]> {
  return linesOf(await recordsOfEnded(proxy, application, sessions))
}

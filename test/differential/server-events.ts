import { readCsv } from '../record/read-csv.js'

/**
 * What the server's own log tells of one statement. `log_statement = all` writes a line when a
 * Query, an Execute or a function call begins; with `log_min_duration_statement = 0` a bare
 * `duration:` line is the end of it, while Parse and Bind are named in theirs. What fails in any
 * step leaves an ERROR with the text, where there is one; a syntax error has that line alone.
 * Source: src/backend/tcop/postgres.c, check_log_statement and check_log_duration.
 */
export interface ServerEvent {
  readonly kind: 'query' | 'execute' | 'function' | 'failure' | 'unended'
  /** Empty where the server itself has no text: an error at Sync, a portal that is missing. */
  readonly text: string
  readonly sqlstate: string
}

const statement_line = /^(?:(statement)|(execute) (?:fetch from )?[\s\S]*?): ([\s\S]*)$/
const bare_duration = /^duration: [\d.]+ ms$/
/** A second error, of the session: its statement has had its own before. */
const session_end = 'terminating connection because protocol synchronization was lost'

/** The events of each session of `user`, by the number of its server process. */
export function serverEvents(csv: string, user: string): ReadonlyMap<number, ServerEvent[]> {
  const sessions = new Map<number, ServerEvent[]>()
  const open = new Map<number, ServerEvent>()
  for (const row of readCsv(csv.trimEnd())) {
    if (row[1] !== user) continue
    const pid = Number(row[3])
    const [severity, sqlstate = '', message = ''] = [row[11], row[12] ?? '', row[13] ?? '']
    const events = sessions.get(pid) ?? []
    sessions.set(pid, events)
    const begun = open.get(pid)
    if (severity === 'ERROR' || severity === 'FATAL') {
      const text = message === session_end ? '' : (row[19] ?? '')
      events.push({ kind: 'failure', text, ...begun, sqlstate })
      open.delete(pid)
    } else if (severity === 'LOG' && bare_duration.test(message)) {
      if (begun === undefined) throw new Error(`the end of nothing in process ${pid}`)
      events.push(begun)
      open.delete(pid)
    } else if (severity === 'LOG') {
      const event = beginning(message)
      if (event === undefined) continue
      if (begun !== undefined) events.push({ ...begun, kind: 'unended' })
      open.set(pid, event)
    }
  }
  for (const [pid, event] of open) sessions.get(pid)?.push({ ...event, kind: 'unended' })
  return sessions
}

function beginning(message: string): ServerEvent | undefined {
  if (message.startsWith('fastpath function call:')) {
    return { kind: 'function', text: '', sqlstate: '00000' }
  }
  const [, query, execute, text = ''] = statement_line.exec(message) ?? []
  if (query === undefined && execute === undefined) return undefined
  return { kind: query === undefined ? 'execute' : 'query', text, sqlstate: '00000' }
}

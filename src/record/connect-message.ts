import type { AuditRecord, SessionPart } from './audit-record.js'
import type { Detail } from './detail.js'

/** What the messages say of an event's own facts. */
type ConnectDetail = Partial<
  Detail<'connection received'> & Detail<'connection authorized'> & Detail<'disconnection'>
>

/** ` key=value`, or nothing where there is no value. */
function pair(key: string, value: string | number | undefined): string {
  return value === undefined || value === '' ? '' : ` ${key}=${value}`
}

/** `0:00:00.123`, as PostgreSQL prints a session's time (log_disconnections in postgres.c). */
function sessionTime(duration_us: number): string {
  const ms = Math.max(0, Math.floor(duration_us / 1000))
  const two = (value: number): string => `${value}`.padStart(2, '0')
  const seconds = Math.floor(ms / 1000)
  return (
    `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}` +
    `.${`${ms % 1000}`.padStart(3, '0')}`
  )
}

function authorized(session: SessionPart, replication: boolean): string {
  const who = replication
    ? `replication connection authorized:${pair('user', session.user)}`
    : `connection authorized:${pair('user', session.user)}${pair('database', session.database)}`
  const tls = session.tls === undefined ? '' : ` SSL enabled (protocol=${session.tls})`
  return `${who}${pair('application_name', session.application)}${tls}`
}

function disconnected(session: SessionPart, duration_us: number): string {
  return (
    `disconnection: session time: ${sessionTime(duration_us)}${pair('user', session.user)}` +
    `${pair('database', session.database)}${pair('host', session.client_ip)}` +
    `${pair('port', session.client_port)}`
  )
}

/**
 * The message of a CONNECT record in the CSV format, in PostgreSQL's own words (postgres.c,
 * postinit.c, backend_startup.c); undefined for the events that PostgreSQL words otherwise.
 * The session's time is in the detail of a disconnection; the load balancer that a client came
 * through, of which PostgreSQL knows nothing, stands behind its words.
 */
export function connectMessage(record: AuditRecord): string | undefined {
  const { session } = record
  const detail: ConnectDetail = record.detail ?? {}
  if (session === undefined) return undefined
  switch (record.command) {
    case 'connection received':
      return `connection received:${pair('host', session.client_ip)}${pair('port', session.client_port)}${pair('via', detail.via)}`
    case 'connection authorized':
      return authorized(session, detail.replication !== undefined)
    case 'disconnection':
      return disconnected(session, detail.session_time_us ?? 0)
    case 'cancel request':
      return `cancel request:${pair('host', session.client_ip)}${pair('port', session.client_port)}`
    default:
      return undefined
  }
}

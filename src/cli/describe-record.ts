import type { AuditRecord } from '../record/audit-record.js'
import { formatUtc } from '../record/format-time.js'
import { hasFailed } from './tail-filter.js'
import { cutTo, oneLine } from './terminal-text.js'

export interface RecordView {
  /** Whether the day is shown with the time. */
  readonly date: boolean
  /** Whether the client's address is shown with the user. */
  readonly client: boolean
  readonly colour: boolean
  /** Longer lines are cut. */
  readonly width: number
}

/** Details and values are shown up to this length: the record has them whole. */
const detail_length = 160

const colours = {
  red: '\u001b[31m',
  yellow: '\u001b[33m',
  magenta: '\u001b[35m',
  cyan: '\u001b[36m',
  grey: '\u001b[90m',
} as const
const plain = '\u001b[0m'

/** One record on one line: when, what, how it went, who, on what, in which words. */
export function describeRecord(record: AuditRecord, view: RecordView): string {
  const time = formatUtc(record.time_us)
  const { outcome = record.phase === 'start' ? 'started' : '', sqlstate = '' } = record
  const line = [
    view.date ? `${time.slice(0, 10)} ${time.slice(11, 23)}Z` : time.slice(11, 23),
    column(record.class, 8),
    column(record.command, 21),
    column(outcome, 8),
    column(sqlstate === '00000' ? '' : sqlstate, 5),
    column(whoOf(record, view.client), view.client ? 20 : 8),
    column((record.objects ?? []).map(({ name }) => name).join(', '), 18),
    oneLine(wordsOf(record)),
  ].join('  ')
  const cut = cutTo(line.trimEnd(), view.width)
  return view.colour ? coloured(cut, record) : cut
}

function column(text: string, width: number): string {
  return oneLine(text).padEnd(width)
}

function whoOf({ session }: AuditRecord, with_client: boolean): string {
  if (session === undefined) return ''
  const user = session.user ?? ''
  return with_client ? `${user}@${session.client_ip}` : user
}

function wordsOf(record: AuditRecord): string {
  const { statement, message, detail, parameters } = record
  const parts = [statement?.text ?? '']
  if (parameters !== undefined && parameters.length > 0) {
    parts.push(cutTo(`with ${JSON.stringify(parameters)}`, detail_length))
  }
  if (message !== undefined && (hasFailed(record) || statement === undefined)) parts.push(message)
  if (statement === undefined && detail !== undefined) {
    parts.push(cutTo(JSON.stringify(detail), detail_length))
  }
  const { rows = 0 } = record
  if (rows > 0) parts.push(rows === 1 ? '1 row' : `${rows} rows`)
  return parts.filter((part) => part !== '').join('  -- ')
}

function coloured(line: string, record: AuditRecord): string {
  const colour = colourOf(record)
  return colour === undefined ? line : `${colours[colour]}${line}${plain}`
}

/** Failures stand out, then what changes something; the trail's own records step back. */
function colourOf(record: AuditRecord): keyof typeof colours | undefined {
  if (hasFailed(record)) return 'red'
  switch (record.class) {
    case 'ERROR':
      return 'red'
    case 'WRITE':
      return 'yellow'
    case 'ROLE':
    case 'DDL':
    case 'BACKUP':
      return 'magenta'
    case 'CONNECT':
    case 'SYSTEM':
      return 'cyan'
    case 'AUDIT':
      return 'grey'
    case 'READ':
    case 'FUNCTION':
    case 'MISC':
      return undefined
    default:
      return record.class satisfies never
  }
}

import { readCsv } from '../../record/read-csv.js'

/** One line of pgaudit (pgaudit.c, log_audit_event): its columns without the ids. */
export interface AuditLine {
  readonly type: 'SESSION' | 'OBJECT'
  /** The number of the top-level statement, as pgaudit counts. */
  readonly statement: number
  readonly class: string
  readonly command: string
  readonly object_type: string
  readonly object_name: string
  readonly text: string
  /** The values, as pgaudit joins them. */
  readonly parameters: string
}

/**
 * What the server's log holds of one client request: a Query, or an Execute with the Parse and Bind
 * before it, or what failed of these.
 */
export interface AuditUnit {
  readonly text: string
  readonly sqlstate: string
  readonly lines: readonly AuditLine[]
}

const begins = /^(?:statement|execute (?:fetch from )?[\s\S]*?): ([\s\S]*)$/
const ends = /^duration: [\d.]+ ms$/
const audit = /^AUDIT: ([\s\S]*)$/

/** A unit whose end has not been read yet. */
interface OpenUnit {
  text: string | undefined
  lines: AuditLine[]
}

/**
 * The units of each session of these users, by the number of its server process, from a csvlog
 * with `log_statement = all` and `log_min_duration_statement = 0`: a bare duration or an error ends each;
 * durations of Parse and Bind name these.
 */
export function auditUnits(csv: string, sessions: ReadonlySet<number>): Map<number, AuditUnit[]> {
  const units = new Map<number, AuditUnit[]>()
  const open = new Map<number, OpenUnit>()
  for (const row of readCsv(csv.trimEnd())) {
    const pid = Number(row[3])
    if (!sessions.has(pid)) continue
    const [severity, sqlstate = '', message = ''] = [row[11], row[12] ?? '', row[13] ?? '']
    const unit = open.get(pid) ?? { text: undefined, lines: [] }
    open.set(pid, unit)
    const failed = severity === 'ERROR' || severity === 'FATAL'
    if (failed || (severity === 'LOG' && ends.test(message) && unit.text !== undefined)) {
      const text = unit.text ?? row[19] ?? ''
      const all = units.get(pid) ?? []
      units.set(pid, all)
      all.push({ text, sqlstate: failed ? sqlstate : '00000', lines: unit.lines })
      open.delete(pid)
    } else if (severity === 'LOG') {
      const [, line] = audit.exec(message) ?? []
      const [, text] = begins.exec(message) ?? []
      if (line !== undefined) unit.lines.push(auditLine(line))
      else if (text !== undefined) unit.text = text
    }
  }
  return units
}

function auditLine(line: string): AuditLine {
  const [columns = []] = readCsv(line)
  const [type, statement, , ...words] = columns
  if (type !== 'SESSION' && type !== 'OBJECT') throw new Error(`not a line of pgaudit: ${line}`)
  const [class_, command, object_type, object_name, text, parameters] = words.map(
    (word) => word ?? '',
  )
  return {
    type,
    statement: Number(statement),
    class: class_ ?? '',
    command: command ?? '',
    object_type: object_type ?? '',
    object_name: object_name ?? '',
    text: text ?? '',
    parameters: parameters ?? '',
  }
}

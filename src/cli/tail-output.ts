import type { AuditRecord } from '../record/audit-record.js'
import { renderCsv } from '../record/csv-format.js'
import { parseCsvRow, recordOfRow } from '../record/parse-csv-record.js'
import { parseJsonRecord } from '../record/parse-json-record.js'
import type { FollowedLine } from '../trail/follow-trail.js'
import { describeRecord } from './describe-record.js'
import { oneLine } from './terminal-text.js'

export type TailFormat = 'json' | 'csv' | 'pretty'

/** Where lines go, and how they may look there. */
export interface TailTarget {
  readonly format: TailFormat
  readonly colour: boolean
  /** True where control characters would be obeyed. */
  readonly terminal: boolean
  /** Characters of a line, asked anew each time: a window changes. */
  width(): number
}

/** The record of a line of either format; undefined for what is none. */
export function recordOf({ line, format }: FollowedLine): AuditRecord | undefined {
  if (format === 'json') return parseJsonRecord(line)
  const row = parseCsvRow(line)
  return row === undefined ? undefined : recordOfRow(row)
}

/**
 * What is written for a line of the trail. In the trail's own format that is the line itself, byte
 * for byte, save that a terminal is never shown its control characters. A CSV trail as JSON gives
 * its columns; a JSON trail as CSV is rendered as the trail itself would have been, in UTC.
 */
export function outputOf(line: FollowedLine, target: TailTarget): string {
  const text = renderLine(line, target)
  return `${target.terminal && target.format !== 'pretty' ? harmless(text) : text}\n`
}

function renderLine(followed: FollowedLine, target: TailTarget): string {
  const { line, format } = followed
  if (target.format === format) return line
  if (target.format === 'json') return JSON.stringify(parseCsvRow(line) ?? { unreadable: line })
  const record = recordOf(followed)
  if (target.format === 'csv' && record !== undefined) return renderCsv(record, 'UTC')
  if (record === undefined) return `(not a record of this version) ${oneLine(line)}`
  const view = { date: true, client: true, colour: target.colour, width: target.width() }
  return describeRecord(record, view)
}

const obeyed = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

/** Control characters as JSON would escape them, line ends within a record as well. */
function harmless(text: string): string {
  const escaped = (character: string) =>
    `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  return text.replaceAll(obeyed, escaped).replaceAll('\n', '\\n')
}

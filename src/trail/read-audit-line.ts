import { csvColumns } from '../record/csv-columns.js'
import type { Seal } from './seal.js'
import { readSeal } from './seal.js'

/** An AUDIT record as it is read back from a file. */
export interface AuditLine {
  readonly command: string
  readonly detail: Readonly<Record<string, unknown>>
}

/** The class stands behind trail, epoch, number, instance and time. */
const head_bytes = 1_024

const csv_head = Buffer.from('AUDIT: SESSION,AUDIT,')
const command_column = 11
const message_column = 15

/**
 * Reads a line as an AUDIT record; undefined when it is another one, or none at all. In JSON no
 * text can hold the mark, whose quotes would be escaped there.
 */
export function readAuditLine(line: Buffer, format: 'json' | 'csv'): AuditLine | undefined {
  try {
    return format === 'json' ? readJson(line) : readCsv(line)
  } catch {
    // Not the JSON that the writer makes: whoever checks the bytes finds that, too.
    return undefined
  }
}

function readJson(line: Buffer): AuditLine | undefined {
  const head = line.toString('latin1', 0, Math.min(line.length, head_bytes))
  if (!head.includes('"class":"AUDIT"')) return undefined
  const value: { class?: unknown; command?: unknown; detail?: unknown } = JSON.parse(
    line.toString(),
  )
  if (value.class !== 'AUDIT' || typeof value.command !== 'string') return undefined
  return { command: value.command, detail: asDetail(value.detail) }
}

function readCsv(line: Buffer): AuditLine | undefined {
  if (line.compare(csv_head, 0, csv_head.length, 0, csv_head.length) !== 0) return undefined
  const columns = csvColumns(line.toString())
  const command = columns[command_column]
  const message = columns[message_column]
  if (typeof command !== 'string' || typeof message !== 'string') return undefined
  return { command, detail: asDetail(JSON.parse(message)) }
}

function asDetail(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

/** The last seal among whole records that begin and end the bytes; undefined when there is none. */
export function lastSealIn(
  bytes: Buffer,
  ends: readonly number[],
  format: 'json' | 'csv',
): Seal | undefined {
  for (let index = ends.length - 1; index >= 0; ) {
    const at = bytes.lastIndexOf('audit.seal', ends[index])
    if (at < 0) return undefined
    while (index > 0 && (ends[index - 1] ?? 0) > at) index--
    const line = readAuditLine(bytes.subarray(ends[index - 1] ?? 0, ends[index]), format)
    const seal = line?.command === 'audit.seal' ? readSeal(line.detail) : undefined
    if (seal !== undefined) return seal
    index--
  }
  return undefined
}

import { setTimeout as delay } from 'node:timers/promises'
import { styleText } from 'node:util'
import { readTrail } from '../trail/read-trail.js'
import type { DemoSession } from './demo-session.js'
import { cutTo, oneLine } from './terminal-text.js'

const poll_ms = 20
const wait_max_ms = 10_000

/** Prints the records of the trail once the end of the session is among them. */
export async function showRecords(
  directory: string,
  format: 'json' | 'csv',
  session: DemoSession,
): Promise<void> {
  const deadline_ms = performance.now() + wait_max_ms
  let lines = await linesOf(directory)
  while (!lines.some((line) => isSessionEnd(line, format, session))) {
    if (performance.now() > deadline_ms) {
      throw new Error(`the end of the session did not appear in ${directory}`)
    }
    await delay(poll_ms)
    lines = await linesOf(directory)
  }
  for (const line of lines) {
    process.stdout.write(`  ${format === 'json' ? renderRecord(line) : oneLine(line)}\n`)
  }
}

async function linesOf(directory: string): Promise<string[]> {
  const lines: string[] = []
  for await (const { line } of readTrail(directory)) lines.push(line)
  return lines
}

function isSessionEnd(line: string, format: 'json' | 'csv', session: DemoSession): boolean {
  if (!line.includes('disconnection')) return false
  if (format === 'csv') return line.includes(`,${session.pid},`)
  const record = parseRecord(line)
  return textAt(record, 'session', 'pid') === String(session.pid)
}

/** A whole line of the file; the last one may still be on its way. */
function parseRecord(line: string): unknown {
  return line.endsWith('}') ? JSON.parse(line) : undefined
}

/** One record on one line: when, what, how it went, who, on what, in which words. */
function renderRecord(line: string): string {
  const record = parseRecord(line)
  const sqlstate = textAt(record, 'sqlstate')
  const outcome = textAt(record, 'outcome')
  const failed = sqlstate !== '' && sqlstate !== '00000'
  const words = textAt(record, 'statement', 'text')
  const message = failed ? textAt(record, 'message') : ''
  const columns = [
    column(textAt(record, 'time').slice(11, 23), 12),
    column(textAt(record, 'class'), 7),
    column(textAt(record, 'command'), 21),
    column(outcome, 8),
    column(failed ? sqlstate : '', 5),
    column(textAt(record, 'session', 'user'), 8),
    column(objectNames(record), 18),
    oneLine([words, message].filter((part) => part !== '').join('  -- ')),
  ]
  const plain = columns.join('  ').trimEnd()
  const width = process.stdout.isTTY ? process.stdout.columns - 2 : Number.MAX_SAFE_INTEGER
  return coloured(cutTo(plain, width), failed)
}

function column(text: string, width: number): string {
  return oneLine(text).padEnd(width)
}

/** Failures in red, on terminals alone. */
function coloured(line: string, failed: boolean): string {
  return failed && process.stdout.isTTY ? styleText('red', line) : line
}

function objectNames(record: unknown): string {
  const objects = memberOf(record, 'objects')
  if (!Array.isArray(objects)) return ''
  return objects.map((object) => textAt(object, 'name')).join(', ')
}

function memberOf(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
  return Reflect.get(value, key)
}

/** The value below some keys as text; '' when there is none. */
function textAt(record: unknown, ...keys: readonly string[]): string {
  const value = keys.reduce(memberOf, record)
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

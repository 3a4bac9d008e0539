import { setTimeout as delay } from 'node:timers/promises'
import { parseJsonRecord } from '../record/parse-json-record.js'
import { readTrail } from '../trail/read-trail.js'
import type { DemoSession } from './demo-session.js'
import { describeRecord } from './describe-record.js'
import { oneLine } from './terminal-text.js'

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
  const { isTTY: colour, columns } = process.stdout
  const width = colour ? columns - 2 : Number.MAX_SAFE_INTEGER
  const view = { date: false, client: false, colour, width }
  for (const line of lines) {
    const record = format === 'json' ? parseJsonRecord(line) : undefined
    const shown = record === undefined ? oneLine(line) : describeRecord(record, view)
    process.stdout.write(`  ${shown}\n`)
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
  return parseJsonRecord(line)?.session?.pid === session.pid
}

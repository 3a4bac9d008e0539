import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AuditRecord } from '../../src/record/audit-record.js'
import { renderCsv } from '../../src/record/csv-format.js'
import { renderJson } from '../../src/record/json-format.js'
import { openTrail } from '../../src/trail/file-trail.js'
import type { TrailOptions } from '../../src/trail/trail-options.js'
import {
  sample_account,
  sample_records,
  sample_session,
  sampleRecords,
} from '../record/sample-records.js'
import { story_records } from './story-records.js'

/** Texts that break readers which take commas, quotes, backslashes or line ends at their word. */
const awkward_texts = [
  'SELECT \'a,"b",c\'',
  "SELECT '\r\n', E'\\n\\\\', '\\.'\n\\.\n",
  "SELECT '\u0001\u0002\u007f\u0085\u2028 é 漢 😀'",
  `SELECT '${'a "quoted", \\ text\n'.repeat(60_000)}'`,
]

/** The records of the sample trail, in their order. */
export const trail_records: readonly AuditRecord[] = [
  ...sampleRecords().values(),
  ...story_records,
  ...awkward_texts.map(
    (text, index): AuditRecord => ({
      ...sample_records['a read'],
      session: { ...sample_session, user: 'O\'Hara, "Jr"', application: '\\N' },
      objects: [{ ...sample_account, name: '"my, schema"."a ""b"""' }],
      statement: { uid: `7.${100 + index}`, id: 100 + index, protocol: 'extended', text },
      parameters: ['', null, 'a,b', '"', '\\', '\n'],
    }),
  ),
]

const log = { info: () => {}, warn: () => {}, error: () => {} }

/** A closed trail of several files that every user of the machine may read. */
export interface SampleTrail {
  readonly directory: string
  remove(): void
}

/** Writes the records to a trail of its own, through the writer that the program itself uses. */
export async function writeSampleTrail(format: 'json' | 'csv'): Promise<SampleTrail> {
  const scratch = mkdtempSync(join(tmpdir(), 'pgwitness-sample-'))
  chmodSync(scratch, 0o755)
  const directory = join(scratch, 'audit')
  const options: TrailOptions = {
    directory,
    directory_mode: 0o755,
    file_mode: 0o644,
    format,
    rotate: { age_ms: 0, size_bytes: 16 * 1024 },
    retain: {},
    flush: { interval_ms: 10, sync_ms: 100, size_bytes: 64 * 1024 },
    durability: 'async',
    queue_bytes: 16 * 1024 * 1024,
    stuck_timeout_ms: 5_000,
    on_failure: 'refuse',
    seal: { every_ms: 10_000, records: 10_000 },
    time_zone: 'UTC',
    instance: 'sample',
    server_log: { path: join(scratch, 'server.log') },
    start_detail: {},
  }
  const trail = await openTrail(options, log)
  for (const record of trail_records) {
    const rendered = format === 'csv' ? renderCsv(record, 'UTC') : renderJson(record, 'sample')
    if (!trail.append(rendered)) throw new Error('the sample does not fit into the queue')
  }
  await trail.close('the sample is complete')
  return { directory, remove: () => rmSync(scratch, { recursive: true, force: true }) }
}

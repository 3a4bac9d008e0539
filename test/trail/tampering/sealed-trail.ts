import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { renderCsv } from '../../../src/record/csv-format.js'
import { renderJson } from '../../../src/record/json-format.js'
import { auditFiles } from '../../../src/trail/file-name.js'
import { openTrail } from '../../../src/trail/file-trail.js'
import { verifyTrail } from '../../../src/trail/verify-trail.js'
import { trailOptions } from '../trail-fixture.js'

export const log = { info: () => {}, warn: () => {}, error: () => {} }

/** A trail of two starts and several files, sealed and anchored by the thread that really writes. */
export interface SealedTrail {
  readonly scratch: string
  readonly directory: string
  readonly anchor: string
  readonly key: KeyObject
  readonly private_key: KeyObject
  /** A copy of the directory as it was after the first start. */
  readonly earlier: string
}

export async function makeSealedTrail(format: 'json' | 'csv'): Promise<SealedTrail> {
  const scratch = fs.mkdtempSync(join(tmpdir(), 'pgwitness-sealed-'))
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const directory = join(scratch, 'audit')
  const anchor = join(scratch, 'anchor')
  const trail = { scratch, directory, anchor, key: publicKey, private_key: privateKey }
  await writeStart(trail, format, 1)
  const earlier = join(scratch, 'earlier')
  fs.cpSync(directory, earlier, { recursive: true, filter: isCopied })
  await writeStart(trail, format, 2)
  return { ...trail, earlier }
}

async function writeStart(
  trail: Omit<SealedTrail, 'earlier'>,
  format: 'json' | 'csv',
  start: number,
): Promise<void> {
  const options = trailOptions(trail.directory, {
    format,
    // The first start has several files, the second one file with several seals.
    rotate: { age_ms: 0, size_bytes: start === 1 ? 8 * 1024 : 0 },
    seal: { key: trail.private_key, copy: trail.anchor, every_ms: 10_000, records: 10 },
  })
  const written = await openTrail(options, log)
  for (let n = 1; n <= 100; n++) {
    const record = {
      time_us: Date.UTC(2026, 10, 21) * 1000 + n,
      class: 'READ',
      command: 'SELECT',
      statement: { uid: `${start}.${n}`, id: n, protocol: 'simple', text: `select ${n},\n"x"` },
    } as const
    written.append(format === 'json' ? renderJson(record, 'test') : renderCsv(record, 'UTC'))
  }
  await written.close('test')
}

/** Sockets are no part of a trail. */
export function isCopied(path: string): boolean {
  return !path.endsWith('.sock')
}

export function filesOf(directory: string): string[] {
  return auditFiles(fs.readdirSync(directory)).map(({ name }) => name)
}

/** Each record of a file, with its line end. */
export function recordsOf(path: string): string[] {
  // The records of the corpus hold two quotes and a line end, if any, within a quoted column.
  const parts = fs.readFileSync(path, 'utf8').split(/(?<=\n)(?=\{|AUDIT: )/)
  return parts.filter((part) => part !== '')
}

export function writeRecords(path: string, records: readonly string[]): void {
  fs.writeFileSync(path, records.join(''))
}

export interface Told {
  readonly verdict: number
  readonly findings: readonly string[]
}

export async function verifyDirectory(
  directory: string,
  options: {
    readonly keys?: readonly KeyObject[]
    readonly unsigned?: boolean
    readonly anchor?: string
    readonly server_log?: string
    /** As if it were verified so much later. */
    readonly later_ms?: number
  },
): Promise<Told> {
  const { keys = [], unsigned = false, anchor, server_log, later_ms = 0 } = options
  const { findings } = await verifyTrail({
    directory,
    keys,
    unsigned,
    now_ms: Date.now() + later_ms,
    ...(anchor !== undefined && { anchor }),
    ...(server_log !== undefined && { server_log }),
  })
  return {
    verdict: findings.verdict,
    findings: findings.kept.map(({ kind, file, text }) => `${kind}: ${file ?? '-'}: ${text}`),
  }
}

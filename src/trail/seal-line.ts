import type { Seal } from './seal.js'
import type { WalkedRecord } from './walk-file.js'
import { notes, renderNote } from './writer-notes.js'

/** The CSV format has a time zone that a seal does not name. */
const csv_time = /^(AUDIT: SESSION,AUDIT,)[^,"]*/

/**
 * Whether the line around a seal is the one that the writer makes of it. The last seal of a trail
 * is covered by no other, and its signature covers its detail alone.
 */
export function isWrittenAs({ line, format }: WalkedRecord, seal: Seal, seq: number): boolean {
  const { trail, epoch, instance } = seal
  const note = renderNote(notes.seal(seal), microseconds(seal.time), {
    format,
    instance,
    time_zone: 'UTC',
  })
  if (format === 'csv')
    return note.replace(csv_time, '$1') === line.toString().replace(csv_time, '$1')
  const head = `{"v":1,"trail":${JSON.stringify(trail)},"epoch":${epoch},"seq":${seq},`
  return head + note.trimEnd() === line.toString()
}

/** Microseconds since 1970 of `2026-11-21T22:06:01.123456Z`; 0 for anything else. */
function microseconds(time: string): number {
  const match = /^(.{23})(\d{3})Z$/.exec(time)
  const milliseconds = Date.parse(`${match?.[1] ?? ''}Z`)
  return Number.isNaN(milliseconds) ? 0 : milliseconds * 1000 + Number(match?.[2])
}

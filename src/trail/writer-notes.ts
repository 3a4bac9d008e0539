import type { AuditRecord } from '../record/audit-record.js'
import { renderCsv } from '../record/csv-format.js'
import { renderJson } from '../record/json-format.js'
import type { DiskUse } from './disk-space.js'
import type { Legacy } from './predecessor.js'
import type { ExpiredFile } from './retention.js'
import type { Seal } from './seal.js'
import type { DiversionRange } from './server-log-sink.js'
import type { Predecessor } from './trail-file.js'
import type { TrailOptions } from './trail-options.js'
import type { WriteFailure } from './write-failure.js'
import type { GapDetail } from './writer-messages.js'

/** A record of the writer's own, before it is rendered. */
export type Note = Pick<AuditRecord, 'command' | 'detail'>

/** Commands and details of the records that the writer itself adds to the trail. */
export const notes = {
  start(
    start_detail: TrailOptions['start_detail'],
    legacy: Legacy,
    identity_source: string,
    directory_warning: string | undefined,
    disk: DiskUse | undefined,
  ): Note {
    return {
      command: 'audit.start',
      detail: {
        ...start_detail,
        ...(legacy.previous !== undefined && { previous: legacy.previous }),
        ...(legacy.last_record !== undefined && { last_record: legacy.last_record }),
        ...(legacy.empty.length > 0 && { empty_files: legacy.empty }),
        ...(legacy.unreadable !== undefined && { previous_unreadable: legacy.unreadable }),
        ...(directory_warning !== undefined && { warning: directory_warning }),
        identity: identity_source,
        ...(disk !== undefined && disk.mark > 0 && { disk }),
      },
    }
  },

  /** A torn end was found and moved. */
  torn(legacy: Legacy): Note {
    return {
      command: 'audit.recovered',
      detail: { reason: 'a record was cut short', of: legacy.previous?.file, ...legacy.torn },
    }
  },

  /** A new file after one that failed, or after a writer that died. */
  recovered(
    reason: string,
    failure: WriteFailure | undefined,
    previous: Predecessor | undefined,
    unfinished: object | undefined,
  ): Note {
    return {
      command: 'audit.recovered',
      detail: {
        reason,
        ...(failure !== undefined && { errno: failure.errno }),
        ...(previous !== undefined && { previous }),
        ...(unfinished !== undefined && { unfinished_fallback: unfinished }),
      },
    }
  },

  closed(next: string, bytes: number, records: number): Note {
    return { command: 'audit.rotate', detail: { event: 'closed', next, bytes, records } }
  },

  opened(reason: string, previous: Predecessor): Note {
    return { command: 'audit.rotate', detail: { event: 'opened', reason, previous } }
  },

  fallback(failure: WriteFailure, file: string | undefined, unfinished: object | undefined): Note {
    return {
      command: 'audit.fallback',
      detail: {
        reason: failure.message,
        errno: failure.errno,
        ...(file !== undefined && { file }),
        ...(unfinished !== undefined && { unfinished_fallback: unfinished }),
      },
    }
  },

  resume(range: Partial<DiversionRange> | undefined, previous: Predecessor | undefined): Note {
    return {
      command: 'audit.resume',
      detail: {
        ...(range ?? { records: 0 }),
        ...(previous !== undefined && { previous }),
      },
    }
  },

  gap(gap: GapDetail): Note {
    return { command: 'audit.gap', detail: gap }
  },

  disk(use: DiskUse): Note {
    return { command: 'audit.disk', detail: { ...use } }
  },

  expire(file: ExpiredFile): Note {
    return {
      command: 'audit.expire',
      detail: { file: file.name, bytes: file.bytes, reason: file.reason },
    }
  },

  seal(seal: Seal): Note {
    return { command: 'audit.seal', detail: seal }
  },

  stop(reason: string): Note {
    return { command: 'audit.stop', detail: { reason } }
  },
} as const

/** Renders a note in the trail's format, without the head that the batch adds. */
export function renderNote(
  note: Note,
  time_us: number,
  options: Pick<TrailOptions, 'format' | 'instance' | 'time_zone'>,
): string {
  const record: AuditRecord = { time_us, class: 'AUDIT', ...note }
  return renderRecord(record, options)
}

/** Renders any record in the trail's format. */
export function renderRecord(
  record: AuditRecord,
  options: Pick<TrailOptions, 'format' | 'instance' | 'time_zone'>,
): string {
  return options.format === 'json'
    ? renderJson(record, options.instance)
    : renderCsv(record, options.time_zone)
}

import type { StatementClass } from './facts.js'

/** A command tag taken apart: `INSERT 0 5` is command INSERT and 5 rows. */
export interface CommandTag {
  readonly command: string
  /** Absent for commands that count no rows. */
  readonly rows?: number
}

const cache = new Map<string, string>()

/** Takes a tag apart. Source: src/include/tcop/cmdtaglist.h (which tags carry a row count). */
export function parseCommandTag(tag: string): CommandTag {
  const last = tag.lastIndexOf(' ')
  if (last < 0) return { command: tag }
  const digit = tag.charCodeAt(last + 1)
  if (!(digit >= 0x30 && digit <= 0x39)) return { command: tag }
  const rows = Number(tag.slice(last + 1))
  if (!Number.isSafeInteger(rows)) return { command: tag }
  // INSERT has an OID before its count, always 0 since PostgreSQL 12.
  const head = tag.slice(0, last)
  let command = cache.get(head)
  if (command === undefined) {
    command = head.replace(/ \d+$/, '')
    if (cache.size < 1000) cache.set(head, command)
  }
  return { command, rows }
}

const writing: ReadonlySet<string> = new Set([
  'INSERT',
  'UPDATE',
  'DELETE',
  'MERGE',
  'TRUNCATE TABLE',
])
const role_tags: ReadonlySet<string> = new Set([
  'GRANT',
  'REVOKE',
  'GRANT ROLE',
  'REVOKE ROLE',
  'CREATE ROLE',
  'ALTER ROLE',
  'DROP ROLE',
  'ALTER DEFAULT PRIVILEGES',
  'CREATE USER MAPPING',
  'ALTER USER MAPPING',
  'DROP USER MAPPING',
])

/** Tags of replication commands that hand out what the server holds; the others prove nothing. */
const replication_classes: ReadonlyMap<string, StatementClass> = new Map([
  ['BASE_BACKUP', 'BACKUP'],
  ['UPLOAD_MANIFEST', 'BACKUP'],
  ['START_REPLICATION', 'READ'],
  ['START_STREAMING', 'READ'],
  ['TIMELINE_HISTORY', 'READ'],
])

/** The least class that a tag proves; undefined when it proves nothing (SELECT, EXECUTE, COPY). */
export function classOfCommandTag(command: string): StatementClass | undefined {
  if (writing.has(command)) return 'WRITE'
  if (role_tags.has(command)) return 'ROLE'
  if (/^(?:CREATE|ALTER|DROP|COMMENT|SECURITY LABEL|IMPORT|REASSIGN|REFRESH)\b/.test(command)) {
    return 'DDL'
  }
  return replication_classes.get(command)
}

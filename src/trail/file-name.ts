/** What the name of an audit file says. */
export interface AuditFileName {
  readonly name: string
  /** Time of creation, milliseconds since 1970 (UTC); the name holds whole seconds. */
  readonly created_ms: number
  /** Number within the trail, from 1. */
  readonly number: number
}

const pattern = /^audit-(\d{4})-(\d{2})-(\d{2})_(\d{2})(\d{2})(\d{2})Z-(\d{4,15})\.log$/

/** `audit-2026-11-21_220601Z-0042.log`: sorts by time for people, by number for programs. */
export function auditFileName(created_ms: number, number: number): string {
  const stamp = new Date(created_ms).toISOString()
  const time = stamp.slice(11, 19).replaceAll(':', '')
  return `audit-${stamp.slice(0, 10)}_${time}Z-${String(number).padStart(4, '0')}.log`
}

/** Reads a name of `auditFileName`; undefined for every other name. */
export function parseAuditFileName(name: string): AuditFileName | undefined {
  const parts = pattern.exec(name)
  if (parts === null) return undefined
  const [year = 0, month = 0, day = 0, hour, minute, second, number = 0] = parts
    .slice(1)
    .map(Number)
  return { name, created_ms: Date.UTC(year, month - 1, day, hour, minute, second), number }
}

/** The audit files among the names of a directory, in the order of their numbers. */
export function auditFiles(names: readonly string[]): AuditFileName[] {
  return names
    .map(parseAuditFileName)
    .filter((name) => name !== undefined)
    .sort((a, b) => a.number - b.number)
}

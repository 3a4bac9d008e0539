import type { TrailRecord } from '../../support/proxy.js'
import type { Fault } from './judge.js'
import { textOf } from './text-walk.js'
import type { Told } from './told.js'

const strength: Readonly<Record<string, number>> = {
  MISC: 0,
  READ: 1,
  FUNCTION: 2,
  WRITE: 3,
  DDL: 4,
  ROLE: 5,
}

/** Code that the server runs unseen: the call is what the record tells. */
const hides_writes = /\bwr\s*\(|^\s*(?:DO|CALL)\b/i
/** DDL that is told by what it writes, or by what it is for. */
const writes_table = /^(?:SELECT INTO|CREATE TABLE AS|REFRESH MATERIALIZED VIEW)$/
/** Maintenance, which pgaudit calls MISC. */
const maintains = /^(?:REINDEX|CLUSTER|VACUUM|ANALYZE)$/

/** Whether the records of a statement say less than what triggers saw of it. */
export function milderThanSeen(
  told: Extract<Told, { kind: 'run' }>,
  records: readonly TrailRecord[],
): Fault[] {
  if (records.length === 0 || told.protocol === 'function') return []
  const texts = records.map((record) => `${textOf(record)} ${record.statement?.['prepared'] ?? ''}`)
  const hidden = texts.some((text) => hides_writes.test(text) || /<REDACTED>/.test(text))
  const strongest = Math.max(...records.map((record) => strength[record.class] ?? 0))
  const faults: Fault[] = []
  for (const { what, detail } of told.effects) {
    if (maintains.test(detail)) continue
    const needed = hidden
      ? 'FUNCTION'
      : what === 'DDL' && !writes_table.test(detail)
        ? 'DDL'
        : 'WRITE'
    if (strongest < (strength[needed] ?? 0)) {
      const seen = records.map(
        (record) => `${record.class} ${record.analysis ?? ''} ${textOf(record)}`,
      )
      faults.push({ kind: 'too mild', what: `${what} ${detail}: ${seen.join(' | ')}` })
    }
    if (what === 'TOUCH' && !hidden && !namesTable(detail, records)) {
      const seen = records.map((record) => `${JSON.stringify(record.objects)} ${textOf(record)}`)
      faults.push({ kind: 'object missing', what: `${detail}: ${seen.join(' | ')}` })
    }
  }
  return faults
}

/** Whether some record names the table with the access that a trigger saw, or admits anything. */
function namesTable(detail: string, records: readonly TrailRecord[]): boolean {
  const [table = '', operation = ''] = detail.split(' ')
  return records.some((record) => {
    if (record.analysis !== undefined && record.analysis !== 'tag') return true
    return (record.objects ?? []).some((object) => {
      const name = String(object['name']).split('.').at(-1)
      const access = object['access']
      return (
        (name === table || name === 'v' || name === 'vx') &&
        Array.isArray(access) &&
        access.includes(operation)
      )
    })
  })
}

import type { TrailRecord } from '../../support/proxy.js'
import type { AuditLine, AuditUnit } from './audit-log.js'
import type { Pair } from './compare.js'

/** What was sent and what both logs hold of one session, as far as it could be joined. */
export interface Joined {
  readonly pairs: readonly Pair[]
  /** What has no counterpart at all: always a defect, of the product or of this harness. */
  readonly unpaired: readonly string[]
}

const blank = /^[\s;]*$/

/**
 * Joins the records of one session with the units of the server's log in the order of both. A Query
 * of several statements is one unit: its records are told from each other by their texts, and
 * pgaudit's lines by the number of the statement.
 */
export function join(
  session: string,
  units: readonly AuditUnit[],
  records: readonly TrailRecord[],
  { log_relation, doubts }: { readonly log_relation: boolean; readonly doubts: readonly number[] },
): Joined {
  const left = records.filter(
    (record) => record.statement !== undefined && record['phase'] === undefined,
  )
  const pairs: Pair[] = []
  const unpaired: string[] = []
  for (const unit of units) {
    const mine = takeUnit(unit, left)
    const [first] = mine
    if (first === undefined) unpaired.push(`no record: ${unit.text}`)
    else if (!isOf(first, unit)) unpaired.push(`${unit.text} is ${first.statement?.text}`)
    const lines = linesOf(unit, mine)
    mine.forEach((record, at) => {
      const own = lines[at] ?? []
      const top = own.filter((line) => isTop(line, unit, record))
      const nested = own.filter((line) => !top.includes(line))
      pairs.push({
        session,
        record,
        unit,
        top,
        nested,
        log_relation,
        grants_in_doubt: inDoubt(record, doubts),
      })
    })
  }
  for (const { statement } of left) unpaired.push(`not in the log: ${statement?.text}`)
  return { pairs, unpaired }
}

/** Whether a record's text is the server's, or as much of it as is no secret. */
function isOf({ statement }: TrailRecord, { text }: AuditUnit): boolean {
  const parts = statement?.text.split('<REDACTED>') ?? []
  return parts.every((part) => text.includes(part))
}

function takeUnit({ text }: AuditUnit, left: TrailRecord[]): TrailRecord[] {
  const [first] = left
  if (first?.statement === undefined) return []
  const mine: TrailRecord[] = left.splice(0, 1)
  if (first.statement['protocol'] !== 'simple' || first.statement.text.includes('<REDACTED>')) {
    return mine
  }
  for (let rest = text.replace(first.statement.text, ''); !blank.test(rest); ) {
    const next = left[0]?.statement?.text
    if (next === undefined || !rest.includes(next)) return mine
    mine.push(...left.splice(0, 1))
    rest = rest.replace(next, '')
  }
  return mine
}

/** pgaudit's lines for each of the records of a unit. */
function linesOf(unit: AuditUnit, records: readonly TrailRecord[]): AuditLine[][] {
  if (records.length === 1) return [[...unit.lines]]
  const numbers = [...new Set(unit.lines.map(({ statement }) => statement))]
  return records.map((_, at) => unit.lines.filter(({ statement }) => statement === numbers[at]))
}

/** Whether a line has the client's own text, or that of the statement that it had prepared. */
function isTop(line: AuditLine, unit: AuditUnit, { statement }: TrailRecord): boolean {
  if (line.text === unit.text || line.text.trim() === unit.text.trim()) return true
  if (line.text.endsWith('<REDACTED>')) return true
  const prepared = statement?.['prepared']
  return typeof prepared === 'string' && line.text.includes(prepared)
}

/** When something was made or granted, in ms. */
export function doubtfulTimes(records: readonly TrailRecord[]): number[] {
  return records
    .filter(
      ({ class: name, command }) => /^(?:DDL|ROLE)$/.test(name) || /^(?:DO|CALL)$/.test(command),
    )
    .map((record) => Date.parse(String(record['time'])))
}

/**
 * From the first change on nobody can tell from outside when the catalog was read again: what is
 * `audited` beyond pgaudit's lines is judged strictly in the sessions before it.
 */
function inDoubt(record: TrailRecord, doubts: readonly number[]): boolean {
  const time = Date.parse(String(record['time']))
  return doubts.some((doubt) => doubt <= time)
}

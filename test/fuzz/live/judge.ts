import type { TrailRecord } from '../../support/proxy.js'
import type { LiveRun } from './arena.js'
import { milderThanSeen } from './severity.js'
import { TextWalk, textOf } from './text-walk.js'
import { type Told, toldBy } from './told.js'
import { transportFaults } from './transport.js'

/** Something that is not as it must be. `kind` is one of a few words, the same for the same defect. */
export interface Fault {
  readonly kind: string
  readonly what: string
}

/** What was compared, for the summary. */
export interface Verdict {
  readonly faults: readonly Fault[]
  /** Statements that the server ran and the trail was searched for. */
  readonly statements: number
}

/** Outcomes of what the server has not run, or of which nobody knows. */
const not_run: ReadonlySet<unknown> = new Set(['skipped', 'prepared'])
const failed: ReadonlySet<unknown> = new Set(['failure', 'cancelled'])

/**
 * Compares the trail of one session with what the server's log says: every statement that ran is
 * there once, in order, with its SQLSTATE, and nothing that did not run is said to have run.
 */
export function judge(run: LiveRun): Verdict {
  const faults: Fault[] = []
  if (run.played.hung) faults.push({ kind: 'hang', what: 'the session did not end' })
  for (const text of run.complaints) faults.push({ kind: 'internal error', what: text })
  const closed = run.records.some(({ command }) => command === 'disconnection')
  const opened = run.records.some(({ command }) => command === 'connection authorized')
  if (opened && !closed) faults.push({ kind: 'no end', what: 'no record of the disconnection' })
  faults.push(...transportFaults(run), ...disagreements(run.records))
  const comparison = new Comparison(toldBy(run.log), run.records)
  comparison.run()
  const all = [...faults, ...comparison.faults]
  // Where the trail says that nobody can tell, what follows may be told of another.
  const warned = run.records.some(({ message }) => message?.startsWith(says_doubt) === true)
  const kept = warned ? all.filter(({ kind }) => !told_of_another.has(kind)) : all
  return { faults: kept, statements: comparison.statements }
}

const says_doubt = 'an error that may have made the server skip'
const told_of_another: ReadonlySet<string> = new Set([
  'disagreement',
  'mismatch',
  'missing',
  'invented',
  'no error',
  'not failed',
  'too mild',
  'object missing',
])

/** Disagreements are none of ours only where a text could mean two things. */
function disagreements(records: readonly TrailRecord[]): Fault[] {
  const ambiguous = records.some(({ analysis }) => analysis === 'ambiguous')
  return records.flatMap((record): Fault[] => {
    if (record.analysis === 'mismatch') {
      if (ambiguous) return []
      return [{ kind: 'mismatch', what: `${record.command}: ${textOf(record)}` }]
    }
    if (record.command !== 'protocol disagreement') return []
    const words = record.message ?? ''
    if (ambiguous && words.includes('answered of')) return []
    // It says itself that nobody can tell.
    if (words.startsWith(says_doubt)) return []
    return [{ kind: 'disagreement', what: words }]
  })
}

type Run = Extract<Told, { kind: 'run' }>

/** A text that could be read in two ways is shown as a whole for each statement of either. */
function isOtherReading(record: TrailRecord, matched: readonly TrailRecord[]): boolean {
  if (record.analysis !== 'ambiguous' && record.analysis !== 'mismatch') return false
  const last = matched.at(-1)
  const ended = last?.command === 'COMMIT' || last?.command === 'ROLLBACK' ? 1 : 0
  const passed = (record.transaction?.id ?? 0) - (last?.transaction?.id ?? 0)
  return passed === 0 || passed === ended
}

/** Walks through what the server told and what was recorded, side by side. */
class Comparison {
  readonly faults: Fault[] = []
  statements = 0
  readonly #told: readonly Told[]
  readonly #all: readonly TrailRecord[]
  /** Records of what may have run, in order; taken from the front. */
  readonly #records: TrailRecord[]

  constructor(told: readonly Told[], records: readonly TrailRecord[]) {
    this.#told = told
    this.#all = records
    this.#records = records.filter(
      (record) =>
        record.statement !== undefined &&
        record['phase'] === undefined &&
        !not_run.has(record.outcome),
    )
  }

  run(): void {
    for (const told of this.#told) {
      if (told.kind === 'run') {
        this.statements++
        if (told.protocol === 'simple') this.#simple(told)
        else this.#single(told)
      } else if (told.kind === 'error') {
        this.#error(told.sqlstate, told.fatal, told.text)
      } else {
        this.#step(told.step, told.text)
      }
    }
    for (const record of this.#records) {
      if (record.outcome !== 'unknown') this.#fault('invented', `${describe(record)} did not run`)
    }
  }

  #fault(kind: string, what: string): void {
    this.faults.push({ kind, what })
  }

  /** The next record that can be meant; what is of unknown outcome may have no counterpart. */
  #next(fits: (record: TrailRecord) => boolean): TrailRecord | undefined {
    while (true) {
      const record = this.#records[0]
      if (record === undefined) return undefined
      if (fits(record)) {
        this.#records.shift()
        return record
      }
      if (record.outcome !== 'unknown') return undefined
      this.#records.shift()
    }
  }

  /** A Query: one record for each of its statements, up to the one that failed. */
  #simple(told: Run): void {
    const walk = new TextWalk(told.text, told.sqlstate)
    const matched: TrailRecord[] = []
    while (!walk.over) {
      const record = this.#next(
        (each) => each.statement?.['protocol'] === 'simple' && walk.take(each),
      )
      if (record === undefined) break
      matched.push(record)
      if (failed.has(record.outcome) && record.sqlstate !== undefined) break
      if (record.outcome === 'unknown') break
    }
    this.#furtherReadings(told, matched)
    const last = matched.at(-1)
    // What the session's end cut off may have failed before.
    const saw_error = last?.sqlstate === told.sqlstate || last?.outcome === 'unknown'
    if (told.sqlstate !== '' && !saw_error) {
      const end = this.#next((record) => isEnd(record) && record.sqlstate === told.sqlstate)
      if (end === undefined) this.#report('no error', told, matched)
    } else if (told.sqlstate === '' && told.ended) {
      // Where a text could be read in two ways, the one of the trail may have had more statements.
      const complete =
        walk.over ||
        matched.some(({ outcome, analysis }) => outcome === 'unknown' || analysis === 'ambiguous')
      if (!complete) this.#report('missing', told, matched)
      for (const record of matched) this.#expectSuccess(record, told)
    }
    this.faults.push(...milderThanSeen(told, matched))
  }

  /** Where the server read more statements than we did, each answer is a record of the whole text. */
  #furtherReadings(told: Run, matched: TrailRecord[]): void {
    const of_two = ({ analysis }: TrailRecord) =>
      analysis === 'ambiguous' || analysis === 'unparsed'
    if (!matched.some(of_two)) return
    for (;;) {
      const [next] = this.#records
      const is_further =
        next !== undefined &&
        (next.analysis === 'unparsed' || isOtherReading(next, matched)) &&
        next.statement?.['protocol'] === 'simple' &&
        // However it was redacted, the records of one text show it alike.
        (textOf(next) === textOf(matched.at(-1) ?? next) || new TextWalk(told.text).takesAll(next))
      if (!is_further) return
      matched.push(next)
      this.#records.shift()
    }
  }

  /** An Execute or a FunctionCall. */
  #single(told: Run): void {
    const record = this.#next(
      (each) =>
        each.statement?.['protocol'] === told.protocol &&
        (told.protocol === 'function' ||
          isDeclaredWithin(told.text, each) ||
          new TextWalk(told.text, told.sqlstate).takesAll(each)),
    )
    if (record === undefined) {
      // The Execute of an empty statement leaves a record only when it fails.
      const blank = told.protocol === 'extended' && new TextWalk(told.text).over
      if (!blank || told.sqlstate !== '') this.#report('missing', told, [])
      return
    }
    if (told.sqlstate !== '') {
      if (record.sqlstate !== told.sqlstate && record.outcome !== 'unknown') {
        this.#report('no error', told, [record])
      }
    } else if (told.ended) this.#expectSuccess(record, told)
    this.faults.push(...milderThanSeen(told, [record]))
  }

  #expectSuccess(record: TrailRecord, told: Run): void {
    const { outcome, sqlstate } = record
    if (outcome === 'success' || outcome === 'suspended' || outcome === 'unknown') return
    // A COMMIT that was answered ROLLBACK.
    if (outcome === 'failure' && sqlstate === undefined) return
    this.#report('not failed', told, [record])
  }

  /** An error outside of any statement is the record of what failed. */
  #error(sqlstate: string, fatal: boolean, text: string): void {
    const record = this.#next((each) => failed.has(each.outcome) && each.sqlstate === sqlstate)
    // What ends the session need not belong to anything that was asked.
    if (record !== undefined || fatal) return
    // The last word of a server that was left without waiting for it.
    const unheard = ({ outcome }: TrailRecord) => outcome === 'unknown' || outcome === 'prepared'
    const is_last = this.#records.length === 0 && text !== ''
    const left = (each: TrailRecord) => unheard(each) && new TextWalk(text).takesAll(each)
    if (is_last && this.#all.some(left)) return
    this.#fault('no error', `${sqlstate} is in no record, of ${text}; next ${this.#ahead()}`)
  }

  /** A text that was prepared or bound is in the trail, whatever became of it. */
  #step(step: string, text: string): void {
    if (new TextWalk(text).over) return
    // What a Query of several statements has prepared has all of that Query's text to the server.
    const isPart = ({ outcome, statement }: TrailRecord) =>
      outcome === 'prepared' && statement !== undefined && text.includes(statement.text)
    if (!this.#all.some((record) => isPart(record) || new TextWalk(text).takesAll(record))) {
      this.#fault('unseen step', `${step} of ${text}`)
    }
  }

  #report(kind: string, told: Run, matched: readonly TrailRecord[]): void {
    const seen = matched.map(describe).join(' | ')
    this.#fault(
      kind,
      `${told.protocol} ${told.sqlstate} ${told.text} => ${seen || 'nothing'}; next ${this.#ahead()}`,
    )
  }

  #ahead(): string {
    const [record] = this.#records
    return record === undefined ? 'nothing' : describe(record)
  }
}

/** True for the portal of a cursor: all of the Query that declared it is its text to the server. */
function isDeclaredWithin(text: string, record: TrailRecord): boolean {
  const own = textOf(record)
  return /^DECLARE\b/i.test(own) && text.includes(own)
}

/** The failed end of a batch, which belongs to no statement. */
function isEnd(record: TrailRecord): boolean {
  return failed.has(record.outcome) && textOf(record) === ''
}

function describe(record: TrailRecord): string {
  const { seq, class: kind, outcome, sqlstate } = record
  return `#${seq} ${kind} ${outcome} ${sqlstate ?? '-'} ${record.statement?.['protocol']} ${textOf(record).slice(0, 200)}`
}

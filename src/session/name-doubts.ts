import { parseCommandTag } from '../sql/command-tag.js'
import type { Execution } from './execution.js'
import type { Portal, PreparedStatement } from './statement-table.js'

/** Kept with what nobody can be certain of, in place of a moment: it is before all of them. */
export const always_in_doubt = -1

/**
 * Which names of prepared statements and cursors may stand for something else than what we saw
 * being made. Code on the server can DEALLOCATE a name and PREPARE it anew, and no rollback undoes
 * that; the server tells nobody.
 *
 * What was made by SQL is in doubt after any code that is not seen. What the protocol made (Parse,
 * Bind) is in doubt only after code that no function's name stands for: a DO, or a text that could
 * not be read. Drivers prepare by the protocol and hold such statements for the life of a session in
 * which functions are called all the time: doubting these would make every record of theirs a
 * riddle. The unnamed statement and portal are out of reach of SQL.
 */
export class NameDoubts {
  /** Counts what may have changed names; what was made after the last of them is not in doubt. */
  #moment = 0
  #by_sql = 0
  #all = 0
  #misread = 0

  /** To be kept with what is made now. */
  get moment(): number {
    return this.#moment
  }

  /** The same for a name that SQL made: one that two readings of its text made is in doubt at once. */
  madeBy(execution: Execution): number {
    return execution.ambiguous ? always_in_doubt : this.#moment
  }

  /** To be told of everything that ran, whether or not it succeeded. */
  ran(execution: Execution): void {
    const reach = reachOf(execution)
    if (reach === 'nothing') return
    this.#moment++
    this.#by_sql = this.#moment
    if (reach === 'all names') this.#all = this.#moment
  }

  /**
   * A message named something in bytes that its encoding, changed before in the same pipeline, may
   * read otherwise than we did: it may have made, dropped or meant any name beyond ASCII.
   */
  misread(): void {
    this.#moment++
    this.#misread = this.#moment
  }

  ofStatement(prepared: PreparedStatement | undefined): boolean {
    if (prepared === undefined || prepared.name === '') return false
    if (this.#mayBeMisread(prepared)) return true
    return prepared.made < (prepared.prepared_text === undefined ? this.#all : this.#by_sql)
  }

  ofPortal(portal: Portal | undefined): boolean {
    if (portal === undefined) return false
    if (portal.doubted || this.#mayBeMisread(portal)) return true
    return portal.name !== '' && portal.made < (portal.by_sql ? this.#by_sql : this.#all)
  }

  #mayBeMisread({ name, made }: PreparedStatement | Portal): boolean {
    return made < this.#misread && beyond_ascii.test(name)
  }
}

const beyond_ascii = /[^\u0000-\u007f]/

type Reach = 'nothing' | 'names made by SQL' | 'all names'

/** Tags of statements that make or drop names, and of code that may. */
const naming_tags: ReadonlySet<string> = new Set([
  'CLOSE CURSOR',
  'CLOSE CURSOR ALL',
  'DEALLOCATE',
  'DEALLOCATE ALL',
  'DECLARE CURSOR',
  'DISCARD ALL',
  'DO',
  'PREPARE',
])

/** syntax_error, invalid_sql_statement_name, invalid_cursor_name: nothing ran. */
const ran_nothing: ReadonlySet<string> = new Set(['42601', '26000', '34000'])

function reachOf(execution: Execution): Reach {
  const { step, statement, tag, sqlstate, effects, ambiguous } = execution
  const parsed = execution.status === 'parsed'
  if (effects.length === 0 && parsed && !ambiguous) return 'nothing'
  if (step !== undefined && step !== 'FunctionCall') return 'nothing'
  if (ran_nothing.has(sqlstate)) return 'nothing'
  if (statement?.node === 'DoStmt') return 'all names'
  if (step === undefined && (!parsed || statement === undefined || statement.node === '')) {
    // The tag tells what it was; without one it may have been anything.
    return tag === '' || naming_tags.has(commandOf(tag)) ? 'all names' : 'names made by SQL'
  }
  // The same where a text reads in two ways, unless it is what it seems to be.
  if (ambiguous) {
    const command = commandOf(tag)
    const seems = statement?.tags.includes(command) === true
    return naming_tags.has(command) && !seems ? 'all names' : 'names made by SQL'
  }
  const opaque = effects.some(
    (effect) => effect.kind === 'opaque' && effect.forgets.includes('prepared'),
  )
  return opaque ? 'names made by SQL' : 'nothing'
}

function commandOf(tag: string): string {
  return parseCommandTag(tag).command
}

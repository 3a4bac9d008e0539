import { clipIdentifier } from '../lib/clip-identifier.js'

/**
 * The settings of a session that decide what its names mean, with the undoing that PostgreSQL
 * does: SET is undone by ROLLBACK, SET LOCAL ends with the transaction, a savepoint restores both.
 * Source: src/backend/utils/misc/README (GUC stacking).
 */

/** The settings that are followed; all others say nothing about names or about how texts are read. */
const followed: ReadonlySet<string> = new Set([
  'search_path',
  'role',
  'session_authorization',
  'pgwitness.user_info',
  'client_encoding',
  'standard_conforming_strings',
])

type Values = ReadonlyMap<string, readonly string[]>

interface Frame {
  /** Savepoint name; undefined for the transaction itself. */
  readonly savepoint: string | undefined
  readonly session: Values
  readonly local: Values
  readonly doubts: Doubts
}

/** What may have been changed unseen. */
interface Doubts {
  readonly search_path: boolean
  readonly role: boolean
  /** Encoding and escape mode; the next ReadyForQuery comes with what the server reports. */
  readonly lexing: boolean
}

const no_doubts: Doubts = { search_path: false, role: false, lexing: false }

const doubted_by = {
  settings: { search_path: true, lexing: true },
  search_path: { search_path: true },
  role: { role: true },
} as const

const empty: Values = new Map()

/** The maps are never changed, only replaced, so that a frame is two references. */
export class Settings {
  /** What RESET goes back to: startup options over role and database defaults. */
  #defaults: Values = empty
  #session: Values = empty
  #local: Values = empty
  #frames: Frame[] = []
  #doubts: Doubts = no_doubts
  /** True when the server reports search_path itself (PostgreSQL 18 does): no doubt remains. */
  #reported = false
  #version = 0

  /** Increments at every change. */
  get version(): number {
    return this.#version
  }

  /** True when search_path, or the role that `"$user"` stands for, may have been changed unseen. */
  get doubted(): boolean {
    return (this.#doubts.search_path && !this.#reported) || this.#doubts.role
  }

  /** True when the server may read texts otherwise than `get` tells. */
  get lexing_doubted(): boolean {
    return this.#doubts.lexing
  }

  get(name: string): readonly string[] | undefined {
    return this.#local.get(name) ?? this.#session.get(name) ?? this.#defaults.get(name)
  }

  setDefault(name: string, values: readonly string[]): void {
    if (!followed.has(name)) return
    this.#defaults = new Map(this.#defaults).set(name, cut(name, values))
    this.#version++
  }

  /** SET (`local` false) or SET LOCAL; null is DEFAULT. */
  set(name: string, values: readonly string[] | null, local: boolean): void {
    if (!followed.has(name)) return
    const given = values === null ? undefined : cut(name, values)
    const effective = given ?? this.#defaults.get(name)
    if (local) {
      this.#local = withValue(this.#local, name, effective)
    } else {
      this.#session = withValue(this.#session, name, given)
      this.#local = withValue(this.#local, name, undefined)
    }
    if (name === 'search_path') this.#doubts = { ...this.#doubts, search_path: false }
    if (name === 'role') this.#doubts = { ...this.#doubts, role: false }
    // SET SESSION AUTHORIZATION puts the role back to none.
    if (name === 'session_authorization') this.set('role', ['none'], local)
    this.#version++
  }

  resetAll(): void {
    this.#session = keptByResetAll(this.#session)
    this.#local = keptByResetAll(this.#local)
    this.#doubts = { ...this.#doubts, search_path: false }
    this.#version++
  }

  /**
   * The server itself said what a setting is. What it says before the first ReadyForQuery is
   * what RESET goes back to.
   */
  report(name: string, reported: readonly string[], at_login = false): void {
    if (!followed.has(name)) return
    const values = cut(name, reported)
    const doubted = this.doubted
    if (name === 'search_path') this.#reported = true
    if (doubted !== this.doubted) this.#version++
    const current = this.get(name)
    if (current !== undefined && sameList(current, values)) return
    if (current === undefined || at_login) {
      this.setDefault(name, values)
      return
    }
    this.#session = withValue(this.#session, name, values)
    this.#local = withValue(this.#local, name, undefined)
    this.#version++
  }

  /** Something may have changed settings, or the role, without our seeing. */
  doubt(what: 'settings' | 'role' | 'search_path'): void {
    const doubts = { ...this.#doubts, ...doubted_by[what] }
    const { search_path, role, lexing } = this.#doubts
    if (doubts.search_path === search_path && doubts.role === role && doubts.lexing === lexing) {
      return
    }
    this.#doubts = doubts
    this.#version++
  }

  /** The same, for what may have been committed although it failed: no rollback undoes it. */
  doubtForGood(): void {
    this.doubt('settings')
    this.doubt('role')
    this.#frames = this.#frames.map((frame) => ({ ...frame, doubts: this.#doubts }))
  }

  /** ReadyForQuery: what it reports has been reported by now. */
  reportsAreIn(): void {
    if (this.#doubts.lexing) this.#doubts = { ...this.#doubts, lexing: false }
  }

  begin(): void {
    if (this.#frames.length === 0) this.#push(undefined)
  }

  savepoint(name: string): void {
    this.#push(name)
  }

  release(name: string): void {
    const index = this.#find(name)
    if (index > 0) this.#frames.length = index
  }

  rollbackTo(name: string): void {
    const index = this.#find(name)
    if (index < 0) return
    this.#restore(index)
    // The savepoint itself stays.
    this.#frames.length = index + 1
  }

  commit(): void {
    this.#frames.length = 0
    if (this.#local === empty) return
    this.#local = empty
    this.#version++
  }

  rollback(): void {
    if (this.#frames.length > 0) this.#restore(0)
    this.#frames.length = 0
    this.#local = empty
  }

  #push(savepoint: string | undefined): void {
    this.#frames.push({
      savepoint,
      session: this.#session,
      local: this.#local,
      doubts: this.#doubts,
    })
  }

  #find(name: string): number {
    return this.#frames.findLastIndex((frame) => frame.savepoint === name)
  }

  #restore(index: number): void {
    const frame = this.#frames[index]
    if (frame === undefined) return
    if (
      frame.session === this.#session &&
      frame.local === this.#local &&
      frame.doubts === this.#doubts
    ) {
      return
    }
    this.#session = frame.session
    this.#local = frame.local
    // A doubt that arose inside is undone with the change that caused it.
    this.#doubts = frame.doubts
    this.#version++
  }
}

const not_blank = /\S/g
const item_end = /[,\s]/g

/** The position of the first match at or behind `from`; the end of the text when there is none. */
function findFrom(text: string, pattern: RegExp, from: number): number {
  pattern.lastIndex = from
  return pattern.exec(text)?.index ?? text.length
}

/** The position of the quote that closes the item opened at `start`; -1 when none does. */
function closingQuote(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (end >= 0 && text.charAt(end + 1) === '"') end = text.indexOf('"', end + 2)
  return end
}

/**
 * Splits the text of a list setting such as search_path: items with quotes taken off. What follows
 * a place where no item stands is left out. Items may be megabytes long, which is more than one
 * pattern for all of them could take.
 */
export function splitList(text: string): readonly string[] {
  const items: string[] = []
  let position = 0
  for (;;) {
    const start = findFrom(text, not_blank, position)
    if (start >= text.length) return items
    const quoted = text.charAt(start) === '"'
    const close = quoted ? closingQuote(text, start) : -1
    const end = quoted ? close + 1 : findFrom(text, item_end, start)
    if (end <= start) return items
    const behind = findFrom(text, not_blank, end)
    if (behind < text.length && text.charAt(behind) !== ',') return items
    items.push(
      quoted ? text.slice(start + 1, close).replaceAll('""', '"') : fold(text.slice(start, end)),
    )
    position = behind + 1
  }
}

/** The schemas of search_path are names, which the server cuts as it does those in a statement. */
function cut(name: string, values: readonly string[]): readonly string[] {
  return name === 'search_path' ? values.map(clipIdentifier) : values
}

/** Only ASCII letters fold in the multibyte encodings (downcase_identifier in scansup.c). */
function fold(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

/** RESET ALL leaves session_authorization and role alone (GUC_NO_RESET_ALL). */
function keptByResetAll(values: Values): Values {
  let kept: Values = empty
  for (const name of ['session_authorization', 'role']) {
    kept = withValue(kept, name, values.get(name))
  }
  return kept
}

function withValue(values: Values, name: string, value: readonly string[] | undefined): Values {
  if (value === undefined && !values.has(name)) return values
  const changed = new Map(values)
  if (value === undefined) changed.delete(name)
  else changed.set(name, value)
  return changed.size === 0 ? empty : changed
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index])
}

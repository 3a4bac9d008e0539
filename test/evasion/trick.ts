import type { StatementClass } from '../../src/sql/facts.js'
import { query } from '../support/messages.js'

/** What the client sends at one go; the next step waits for what this one says. */
export interface Step {
  readonly send: readonly (Buffer | string)[]
  /** How many ReadyForQuery come for it; 1 where nothing is said. */
  readonly ready?: number
  /** Words of the server to wait for instead, such as the letter of CopyInResponse. */
  readonly until?: string
  /** The client ends its half of the connection with it. */
  readonly leaves?: 'half'
}

/** One record that the trail must hold. */
export interface ExpectedRecord {
  /** Class at least as strong as this; ERROR stands for a failure that ran nothing. */
  readonly class: StatementClass | 'ERROR'
  /** Exactly this command. */
  readonly command?: string
  /** Name of an object, with the access to it behind a blank: `secret.account delete`. */
  readonly object?: string
  /** `success` where nothing is said. */
  readonly outcome?: string
  readonly sqlstate?: string
  /** What `analysis` says; `sure` where it must be absent. */
  readonly analysis?: string
  /** Part of the statement's text. */
  readonly text?: string
  /** Part of what was prepared. */
  readonly prepared?: string
  readonly parameters?: readonly (string | null)[]
  readonly rows?: number
  /** The role in whose name it ran. */
  readonly role?: string
  /** A rule of `rules` that must have matched. */
  readonly rule?: RuleName
  /** So many records in a row, 1 where nothing is said. */
  readonly times?: number
}

/**
 * A way to hide a statement from an auditor, and what must come of it. The file's name says what it
 * is.
 */
export interface Trick {
  /** Why it fools an auditor that reads texts, or asks and does not listen. */
  readonly why: string
  /** Statements that prepare the server, run as superuser past the proxy in the trick's database. */
  readonly setup?: readonly string[]
  /** Startup parameters over `user: postgres` and the trick's database. */
  readonly startup?: Readonly<Record<string, string>>
  /** A text is one Query; its answer is awaited before the next step. */
  readonly sends: readonly (string | Step)[]
  /** Asked on the server itself afterwards: query and its first value, so that we know it worked. */
  readonly effect: readonly (readonly [query: string, gives: string | null])[]
  /** Part of what the client was told. */
  readonly answers?: string
  /** The records of the session's statements, all of them, in order. */
  readonly trail: readonly ExpectedRecord[]
  /** Commands of records that are no statement's, among them `transaction end`. */
  readonly events?: readonly string[]
  /** Must not stand anywhere in the trail. */
  readonly absent?: string
  /** Why the trail does not hold this yet; the test fails as soon as it does. */
  readonly works_still?: string
  /** The first major version of the server on which it works; for older ones it is skipped. */
  readonly since?: number
  /** The last one. */
  readonly until?: number
  /** Also run against a trail in CSV, whose rows are then counted and read. */
  readonly csv?: boolean
}

/** Typical rules of a user; `everything` is what writes the other records. */
export const rules = [
  { name: 'everything' },
  { name: 'changes', class: ['WRITE', 'DDL'], object: ['secret.*'] },
  { name: 'reads', class: ['READ'], object: ['secret.*'] },
  { name: 'calls', class: ['FUNCTION'] },
  { name: 'roles', class: ['ROLE'] },
  { name: 'failures', class: ['ERROR'] },
] as const

export type RuleName = (typeof rules)[number]['name']

/** What every trick finds in its database. */
export const furniture: readonly string[] = [
  'CREATE SCHEMA secret',
  'CREATE TABLE secret.account (id int PRIMARY KEY, owner text, balance int)',
  "INSERT INTO secret.account VALUES (1, 'ann', 10), (2, 'bob', 20), (3, 'cy', 30)",
  'CREATE TABLE public.note (n int, t text)',
]

/** How many accounts are left. */
export const accounts_left = 'SELECT count(*) FROM secret.account'

/** A Query whose text is given as bytes. */
export function queryOf(...parts: readonly (Buffer | string)[]): Step {
  return { send: [query(Buffer.concat(parts.map((part) => Buffer.from(part))))] }
}

/**
 * One statement where backslashes do not escape, and two where they do: the literal ends at the
 * third quote or at the last one.
 */
export const split = "SELECT '\\''; DELETE FROM secret.account WHERE id = 1 --'"

/** What must be said of `split` where backslashes escape. */
export const split_trail: readonly ExpectedRecord[] = [
  { class: 'READ', text: 'SELECT' },
  { class: 'WRITE', rule: 'changes' },
]

import { type ErrorCode, error_table } from '../errors.js'

/** SQLSTATEs of a login that the server refuses: class 28, and `permission denied for database`. */
const refused_states = /^(?:28...|42501)$/
/** How `pg` begins the words of a SCRAM exchange that failed, and what it says without a password. */
const scram_words = /^SASL: /
const no_password_words = /client password must be/

/** What went wrong with the side connection, as the server log tells it. */
export interface CatalogProblem {
  readonly code: ErrorCode
  readonly hint: string
  /** The server's own words, or the system's. */
  readonly reason: string
}

/** Whether the server has refused the role, or the catalogs could not be read for another reason. */
export function catalogProblem(error: unknown): CatalogProblem {
  const state: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined
  const severity: unknown = error instanceof Error ? Reflect.get(error, 'severity') : undefined
  const words = error instanceof Error ? error.message : String(error)
  const at_login = severity === 'FATAL' && typeof state === 'string' && refused_states.test(state)
  const in_scram = scram_words.test(words)
  const code: ErrorCode = at_login || in_scram ? 'catalog.refused' : 'catalog.unreadable'
  const without = in_scram && no_password_words.test(words)
  const reason = without ? 'the server asks for a password, and none is known' : words
  return { code, hint: error_table[code].hint, reason }
}

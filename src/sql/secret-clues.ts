import { SqlTokens } from './sql-tokens.js'

/** Words that may stand between a name and its value. */
export const bridges: ReadonlySet<string> = new Set(
  'to as is by with default encrypted unencrypted constant text varchar character varying char bpchar bytea name'.split(
    ' ',
  ),
)

/** A placeholder of `format` where the secret will stand: its arguments are then secrets. */
export const placeholder =
  /(?:pass|pwd|secret|token|credential|key)\w{0,32}["']?[\s=:'"]{0,8}%(?:\d{1,4}\$)?[sILl]/i

/** What makes SQL on roles of the contents of a literal, wherever it will be run. */
export const role_statement = /\b(?:create|alter)\s{1,8}(?:role|user|group)\b/i

/** True where the name that ends here is that of an argument: `f(password => …)`. */
export function isNamedArgument(text: string, end: number): boolean {
  const tokens = new SqlTokens(text, false)
  tokens.seek(end)
  while (tokens.next()) {
    if (tokens.kind !== 'comment') {
      return text.startsWith('=>', tokens.start) || text.startsWith(':=', tokens.start)
    }
  }
  return false
}

/** What begins as a connection string does, or a statement on roles. */
export const connection_piece =
  /^\s{0,99}[a-z_]{1,63}\s{0,99}=|:\/\/|:\/?$|\b(?:create|alter)\s{1,8}(?:role|user|group)\b/i

/** A placeholder of `format`, from its sign on. */
export const placeholder_at = /^%[sIL]$/

/** A text that is one address and nothing else. */
export const address = /^\s*[a-z][a-z0-9+.-]{0,32}:\/\/\S*\s*$/i

/** A text that begins as a statement does in which only its kind tells what is secret. */
export const statement = /^\s*(?:create|alter|set|update|insert|merge|do)\b/i

/** What stands in place of a secret. */
export const redacted = '<REDACTED>'

const secret_word =
  /passw|pass(?:phrase|code|key)|pass(?![a-z])|pwd|^pw$|secret|token(?!i[sz])|credential|identified|(?:api|access|private|encryption|signing|auth|master|shared)_?key|^scram_\w+_key$/i

/** Names with such a word in them whose values are known to be no secret. */
const harmless_names: ReadonlySet<string> = new Set([
  'password_encryption',
  'password_required',
  'ssl_key_file',
  'krb_server_keyfile',
  'ssl_passphrase_command_supports_reload',
  'ts_token_type',
  'session_authorization',
])

/** True when the value that belongs to this name is taken for a secret. */
export function isSecretWord(name: string): boolean {
  return secret_word.test(name) && !harmless_names.has(name.toLowerCase())
}

/**
 * Catalogs that hold passwords (of roles, user mappings and servers, subscriptions), and the view
 * of the settings, of which only the literals tell what is set.
 */
export const secret_catalogs: ReadonlySet<string> = new Set(
  'pg_authid pg_user_mapping pg_foreign_server pg_subscription pg_db_role_setting pg_settings'.split(
    ' ',
  ),
)

/** True for a mistyped PASSWORD such as `pasword` or `passwrod`, which the server refuses. */
export function isMistypedPassword(name: string): boolean {
  if (name.length < 5 || name.length > 12) return false
  const lower = name.toLowerCase()
  return lower.startsWith('p') && lower.endsWith('d') && lower.includes('w') && lower.includes('s')
}

/** True for an option of a server, wrapper or user mapping whose value is taken for a secret. */
export function isSecretOption(name: string): boolean {
  return (
    /pass|pwd|secret|token|key|credential/i.test(name) && !harmless_names.has(name.toLowerCase())
  )
}

/** What PostgREST keeps of a request: its headers and cookies, which carry proofs of identity. */
const request_setting = /authorization|(?:^|[._])(?:cookies?|headers)$|\.cookie\./i

/** True for a setting whose value is taken for a secret. */
export function isSecretSetting(name: string): boolean {
  if (isSecretOption(name)) return true
  return request_setting.test(name) && !harmless_names.has(name.toLowerCase())
}

/** True for a setting that holds a connection string. */
export function isConninfoSetting(name: string): boolean {
  return /conninfo|(?:^|[._])dsn$|connection_string/i.test(name)
}

/**
 * How the arguments of a function are read.
 * - `secret`: literals are secrets (pgcrypto, and functions named after a password).
 * - `conninfo`: literals are connection strings, or SQL for another server (dblink) or this one.
 * - `setting`: set_config, where the first argument decides about the second.
 */
export type CallKind = 'secret' | 'conninfo' | 'setting'

/** pgcrypto's functions that take data or keys as arguments. Source: contrib/pgcrypto. */
const pgcrypto: ReadonlySet<string> = new Set([
  'crypt',
  'hmac',
  'digest',
  'encrypt',
  'encrypt_iv',
  'decrypt',
  'decrypt_iv',
])

/**
 * Functions of cloud services and extensions whose names do not tell that keys are among their
 * arguments: aws_s3 (Amazon RDS), azure_storage (Azure).
 */
const key_takers: ReadonlySet<string> = new Set([
  'query_export_to_s3',
  'table_import_from_s3',
  'account_add',
])

/** The first argument names what the second sets: set_config, azure_ai.set_setting, pgsql-http. */
const setters: ReadonlySet<string> = new Set(['set_config', 'set_setting', 'http_header'])

/** dblink, SQL that is run elsewhere or later, and requests of pgsql-http and pg_net. */
const remote_call = /^(?:dblink|query_to_xml|http_|run_command_on_|schedule(?:_|$))/

/** How the arguments of a function of this name are read; undefined for ordinary functions. */
export function callKind(name: string): CallKind | undefined {
  const lower = name.toLowerCase()
  if (setters.has(lower)) return 'setting'
  if (remote_call.test(lower)) return 'conninfo'
  if (
    key_takers.has(lower) ||
    pgcrypto.has(lower) ||
    /^pgp_(?:sym|pub)_|^crypto_|key_provider/.test(lower)
  )
    return 'secret'
  return isSecretWord(lower) ? 'secret' : undefined
}

/** The server's own hash functions: what a text that speaks of passwords hashes is one. */
const hashes: ReadonlySet<string> = new Set(['md5', 'sha224', 'sha256', 'sha384', 'sha512'])

const speaks =
  /passw|pass(?:phrase|code|key)|pass(?![a-z])|pwd|secret|token(?!i[sz])|credential|api_?key/i

/** True for a call such as `md5('…')` in a text about passwords; elsewhere it hashes anything. */
export function hashesSecret(name: string, text: string): boolean {
  return hashes.has(name.toLowerCase()) && speaks.test(text)
}

const mention =
  /pass|pwd|\bpw\b|authid|secret|token|key|credential|identified|crypt|connection|conninfo|dblink|dsn|set_config|set_setting|hmac|digest|pgp_|_s3\b|account_add|http_|request\.|cookie|bearer|authorization|curl|mysql|mariadb|md5[0-9a-f]{32}|scram-sha|-----begin|'\s{0,99}(?:--|[\n\r]\s{0,99}'|\|\|\s{0,99}')|u&["']|:\/\/|\\/i

/**
 * The cheap test before all others: false when nothing in a text that the grammar accepts can make
 * a secret of anything. Behind a backslash any word may stand in disguise: `p\141ssword`, and in a
 * literal that is continued on another line or joined to another.
 */
export function mayHoldSecret(text: string): boolean {
  return mention.test(text)
}

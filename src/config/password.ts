import { accepted, type Parsed, refused } from './parsed.js'
import { readSecretFile } from './secrets.js'

/**
 * The password of the catalog's role: the first line of `password_file` when there is one, else
 * PGPASSWORD. Undefined is no error: the driver then looks into ~/.pgpass itself.
 */
export function catalogPassword(
  password_file: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Parsed<string | undefined> {
  if (password_file === undefined) return accepted(env['PGPASSWORD'] || undefined)
  const text = readSecretFile(password_file)
  if (!text.ok) return text
  const password = text.value.split(/\r?\n/, 1)[0] ?? ''
  if (password === '') return refused('has an empty first line', 'Write the password there.')
  return accepted(password)
}

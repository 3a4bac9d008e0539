import { buildsSecretSql } from './builds-secret-sql.js'
import { type Found, findInReading } from './find-secrets.js'
import { literalValue } from './literal-value.js'
import { isMistypedPassword, isSecretOption, isSecretWord, redacted } from './secret-names.js'
import { code_policy } from './secret-policy.js'
import { Outline, scopeFinder } from './secret-scopes.js'
import { SqlTokens } from './sql-tokens.js'

/** The secrets in one reading of code: what its statements on roles, servers and settings say. */
function readCode(body: string, backslash_escapes: boolean, depth: number): Found {
  const { scopes, cut } = new Outline(new SqlTokens(body, backslash_escapes), depth, 'code')
  const scopeAt = scopeFinder(scopes)
  const found = findInReading(
    new SqlTokens(body, backslash_escapes),
    {
      ...code_policy,
      near: (name, position) =>
        isSecretWord(name) ||
        isMistypedPassword(name) ||
        (isSecretOption(name) && scopeAt(position)?.options === true),
      whole: (position) => scopeAt(position)?.whole === true,
      tail: (position) => {
        const scope = scopeAt(position)
        return scope?.assigns === true ? scope.end : -1
      },
    },
    depth,
  )
  if (cut < body.length) {
    found.spans.push({ start: cut, end: body.length, text: ` ${redacted}` })
  }
  return found
}

/**
 * Finds the secrets in the body of a function. Where a body builds SQL out of pieces and one piece
 * speaks of a password, its value may come by way of any variable: then every literal is taken for
 * a secret that does not itself speak of one.
 */
export function findInCode(body: string, depth: number): Found {
  const near = readCode(body, false, depth)
  const spans = [...near.spans]
  if (body.includes('\\')) spans.push(...readCode(body, true, depth).spans)
  if (!buildsSecretSql(body)) return { ...near, spans }
  const tokens = new SqlTokens(body, false)
  while (tokens.next()) {
    if (tokens.kind !== 'string' && tokens.kind !== 'dollar') continue
    // A literal with a blank that speaks of a secret is SQL; without one it may be the secret.
    const value = literalValue(tokens)
    if (!isSecretWord(value) || !/\s/.test(value)) {
      spans.push({ start: tokens.start, end: tokens.end, text: `'${redacted}'` })
    }
  }
  return { ...near, spans }
}

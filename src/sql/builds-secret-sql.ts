import { literalValue, nameValue } from './literal-value.js'
import { isSecretWord } from './secret-names.js'
import { SqlTokens } from './sql-tokens.js'

/** As much of the literals before as a word of a secret may take. */
const joined_chars = 64

/**
 * True when the body runs SQL that it makes, and a literal outside RAISE speaks of a secret, alone
 * or together with those that it is joined to: `'PASS' || 'WORD'`.
 */
export function buildsSecretSql(body: string): boolean {
  if (!/execute|dblink|set_config/i.test(body)) return false
  const tokens = new SqlTokens(body, false)
  let raises = false
  let joined = ''
  while (tokens.next()) {
    if (tokens.kind === 'comment') continue
    if (tokens.kind === 'string' || tokens.kind === 'dollar') {
      joined = joined.slice(-joined_chars) + literalValue(tokens)
      if (!raises && isSecretWord(joined)) return true
      continue
    }
    const symbol = tokens.kind === 'symbol' ? body.charAt(tokens.start) : ''
    if (symbol === '|') continue
    joined = ''
    if (symbol === ';') raises = false
    else if (tokens.kind === 'word') raises ||= nameValue(tokens).toLowerCase() === 'raise'
  }
  return false
}

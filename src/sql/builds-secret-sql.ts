import { literalValue, nameValue } from './literal-value.js'
import { isSecretWord } from './secret-names.js'
import { SqlTokens } from './sql-tokens.js'

/** True when the body runs SQL that it makes, and a literal outside RAISE speaks of a secret. */
export function buildsSecretSql(body: string): boolean {
  if (!/execute|dblink|set_config/i.test(body)) return false
  const tokens = new SqlTokens(body, false)
  let raises = false
  while (tokens.next()) {
    if (tokens.kind === 'symbol' && body.charAt(tokens.start) === ';') raises = false
    else if (tokens.kind === 'word') raises ||= nameValue(tokens).toLowerCase() === 'raise'
    else if (tokens.kind === 'string' || tokens.kind === 'dollar') {
      if (!raises && isSecretWord(literalValue(tokens))) return true
    }
  }
  return false
}

/**
 * Where the bytes are not the same, and why. Each kind says exactly what may differ; everything
 * before it is the same, and so is the SQLSTATE.
 *
 * - `words`: it is our error instead of the server's, since what is malformed is not passed on.
 *   It has our words, and no file and line of the server's source.
 * - `told`: the server closes without a word (it logs a COMMERROR); we say why.
 * - `ended`: the server refuses the one message and goes on; we end the session, since bytes that
 *   were not understood once leave nothing certain about those behind them. What the server had
 *   not yet sent of its answers (it sends them at Sync) does not come any more.
 */
export type Difference = 'words' | 'told' | 'ended'

const our_error = /^E "SFATAL\\u0000VFATAL\\u0000C([0-9A-Z]{5})\\u0000M/
const any_error = /^E "S(ERROR|FATAL)\\u0000V\1\\u0000C([0-9A-Z]{5})\\u0000/

/** What is left of both sides once the difference has been taken out, for a comparison. */
export function withoutDifference(
  difference: Difference,
  straight: readonly string[],
  through: readonly string[],
): { readonly straight: readonly string[]; readonly through: readonly string[] } {
  const last = through.at(-1) ?? ''
  const [, sqlstate] = our_error.exec(last) ?? []
  if (sqlstate === undefined) throw new Error(`we end by another message: ${last}`)
  const before = through.slice(0, -1)
  if (difference === 'told') {
    if (sqlstate !== '08P01') throw new Error(`not what is said of the protocol: ${last}`)
    return { straight, through: before }
  }
  const at = straight.findIndex((line) => any_error.test(line))
  const [, severity, theirs] = any_error.exec(straight[at] ?? '') ?? []
  const code = { severity: difference === 'words' ? 'FATAL' : 'ERROR', sqlstate }
  const expected = { severity, sqlstate: theirs }
  const known = difference === 'words' ? at : Math.min(at, before.length)
  return {
    straight: [...straight.slice(0, known), JSON.stringify(expected)],
    through: [...before, JSON.stringify(code)],
  }
}

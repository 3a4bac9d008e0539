/**
 * Settings that a startup packet brings: parameters of its own, and `-c name=value`,
 * `-cname=value` and `--name=value` inside `options`, where a backslash escapes a blank and
 * letters without a value may stand before (`-Ecname=value`).
 * Source: src/backend/tcop/postgres.c (process_postgres_switches), pg_split_opts.
 */
export function startupSettings(
  parameters: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const settings = new Map<string, string>()
  for (const [name, value] of optionSettings(parameters.get('options') ?? '')) {
    settings.set(name, value)
  }
  for (const [name, value] of parameters) {
    if (!connection_parameters.has(name)) settings.set(name.toLowerCase(), value)
  }
  return settings
}

/** Startup parameters that are not settings. */
const connection_parameters: ReadonlySet<string> = new Set([
  'user',
  'database',
  'options',
  'replication',
])

/** Options that take no value. */
const letters_alone = 'bEeFijlnOPsT'

function* optionSettings(options: string): Generator<readonly [string, string]> {
  const words = splitOptions(options)
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? ''
    if (!word.startsWith('-')) continue
    let at = 1
    while (letters_alone.includes(word.charAt(at)) && at < word.length) at++
    const letter = word.charAt(at)
    if (letter === '') continue
    const attached = word.slice(at + 1)
    const assignment = attached === '' ? words[++index] : attached
    if (letter !== 'c' && letter !== '-') continue
    const equals = assignment?.indexOf('=') ?? -1
    if (assignment === undefined || equals < 0) continue
    const name = assignment.slice(0, equals).trim().replaceAll('-', '_').toLowerCase()
    yield [name, assignment.slice(equals + 1)]
  }
}

function splitOptions(options: string): string[] {
  const words: string[] = []
  let word = ''
  let inside = false
  for (let index = 0; index < options.length; index++) {
    const character = options.charAt(index)
    if (character === '\\' && index + 1 < options.length) {
      word += options.charAt(++index)
      inside = true
    } else if (/\s/.test(character)) {
      if (inside) words.push(word)
      word = ''
      inside = false
    } else {
      word += character
      inside = true
    }
  }
  if (inside) words.push(word)
  return words
}

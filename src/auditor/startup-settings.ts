/**
 * Settings that a startup packet brings: parameters of its own, and `-c name=value`,
 * `-cname=value` and `--name=value` inside `options`, where a backslash escapes a blank.
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

function* optionSettings(options: string): Generator<readonly [string, string]> {
  const words = splitOptions(options)
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? ''
    let assignment: string | undefined
    if (word === '-c') assignment = words[++index]
    else if (word.startsWith('-c')) assignment = word.slice(2)
    else if (word.startsWith('--')) assignment = word.slice(2)
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

import { readFileSync } from 'node:fs'
import type { Scenario, Step } from '../player.js'

/** A statement ends where a line ends with a semicolon; a line of two dashes is a remark. */
export function statementsOf(file: string): string[] {
  const text = readFileSync(new URL(file, import.meta.url), 'utf8')
  return split(text.replace(/^--.*\n/gm, ''))
}

function split(text: string): string[] {
  return text
    .split(/;[ \t]*(?:\n|$)/)
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

/**
 * Reads sessions: `-- session: NAME, as USER [, on DATABASE] [, search_path = …]` begins one, `-- values: a, NULL`
 * gives those of the statement behind it, and `-- simple` has it sent by the simple protocol.
 */
export function scenariosOf(file: string): Scenario[] {
  const text = readFileSync(new URL(file, import.meta.url), 'utf8')
  return text
    .split(/^-- session: /m)
    .slice(1)
    .map((part) => {
      const [head = '', ...body] = part.split('\n')
      const [, name = '', user = '', database, path] =
        /^(.*?), as (\w+)(?:, on (\w+))?(?:, search_path = (.*))?$/.exec(head) ?? []
      if (user === '') throw new Error(`not the head of a session: ${head}`)
      return {
        name: name.slice(0, 60),
        user,
        ...(database === undefined ? {} : { database }),
        ...(path === undefined ? {} : { settings: { search_path: path } }),
        steps: split(body.join('\n')).flatMap(stepOf),
      }
    })
}

function stepOf(part: string): Step[] {
  const [, values] = /^-- values: (.*)$/m.exec(part) ?? []
  const simple = /^-- simple$/m.test(part)
  const text = part.replace(/^--.*\n?/gm, '').trim()
  if (text === '') return []
  return [
    {
      text,
      ...(simple ? { simple } : {}),
      ...(values === undefined
        ? {}
        : { values: values.split(', ').map((value) => (value === 'NULL' ? null : value)) }),
    },
  ]
}

import { posix } from 'node:path'
import { functionSpans } from './function-lengths.js'
import {
  data_files,
  entries,
  file_lines_max,
  foreign_declarations,
  function_lines_max,
  impure_calls,
  impure_files,
  impure_modules,
  leftover_marks,
  line_length_max,
  only_files,
  pure_rooms,
  type Room,
  type RoomRule,
  room_rules,
} from './house-rules.js'
import { type Import, importsOf, type Token, tokenize } from './source-text.js'

/** A source file, by its path from the root of the repository. */
export interface SourceFile {
  readonly path: string
  readonly text: string
  readonly tokens: readonly Token[]
  readonly imports: readonly Import[]
}

/** What a check found, as `file:line: what`. */
export type Finding = string

export function sourceFile(path: string, text: string): SourceFile {
  const tokens = tokenize(text)
  return { path, text, tokens, imports: importsOf(tokens) }
}

/** The room of a file below src; undefined for a folder that the table does not know. */
export function roomOf(path: string): Room | undefined {
  const [, name = ''] = path.split('/')
  const room = name.replace(/(\.d)?\.ts$/, '')
  return Object.hasOwn(room_rules, room) ? (room as Room) : undefined
}

/** The file of src that an import names; undefined for a package. */
export function targetOf(path: string, specifier: string): string | undefined {
  const built = specifier.startsWith('#') ? `src/${specifier.slice(1)}` : undefined
  if (built === undefined && !specifier.startsWith('.')) return undefined
  return (built ?? posix.join(posix.dirname(path), specifier)).replace(/\.js$/, '.ts')
}

function at(file: SourceFile, line: number, what: string): Finding {
  return `${file.path}:${line}: ${what}`
}

/** Imports that the table of rooms does not allow. */
export function importFindings(file: SourceFile): readonly Finding[] {
  const room = roomOf(file.path)
  if (room === undefined) return [at(file, 1, 'is in no room of the table')]
  return file.imports.flatMap(({ specifier, line, type_only }) => {
    const target = targetOf(file.path, specifier)
    if (target === undefined) return []
    const other = roomOf(target)
    if (other === undefined) return [at(file, line, `imports ${target}, which is in no room`)]
    const problem = importProblem(room, other, target, type_only)
    return problem === undefined ? [] : [at(file, line, problem)]
  })
}

function importProblem(
  room: Room,
  other: Room,
  target: string,
  type_only: boolean,
): string | undefined {
  if (room === other || other === 'lib' || other === 'errors') return undefined
  const { values, types }: RoomRule = room_rules[room]
  const only = only_files[room]?.[other]
  if (only !== undefined && only !== target) return `${room} may import ${only} of ${other} alone`
  if (values.includes(other)) return undefined
  if (!types.includes(other)) return `${room} may not import ${other}`
  return type_only ? undefined : `${room} may import types of ${other} alone`
}

/** Sockets, files, threads, timers and clocks in a pure room. */
export function purityFindings(file: SourceFile): readonly Finding[] {
  const room = roomOf(file.path)
  if (room === undefined || !pure_rooms.has(room) || impure_files.has(file.path)) return []
  const modules = file.imports
    .filter(({ specifier, type_only }) => !type_only && impure_modules.test(specifier))
    .map(({ specifier, line }) => at(file, line, `a pure file imports ${specifier}`))
  const doors = file.imports
    .filter(({ specifier, type_only }) => {
      const target = targetOf(file.path, specifier)
      return !type_only && target !== undefined && impure_files.has(target)
    })
    .map(({ specifier, line }) => at(file, line, `a pure file imports ${specifier}, which is not`))
  const calls = file.tokens.flatMap((token, index) => {
    if (token.kind !== 'word') return []
    const called = impure_calls.find((call) => spells(file.tokens, index, call.split('.')))
    if (called !== undefined) return [at(file, token.line, `a pure file calls ${called}`)]
    const now = spells(file.tokens, index, ['new', 'Date', '(', ')'])
    return now ? [at(file, token.line, 'a pure file reads the clock by new Date()')] : []
  })
  return [...modules, ...doors, ...calls]
}

/** Whether the words stand at the index, with a dot between names that follow each other. */
function spells(tokens: readonly Token[], index: number, parts: readonly string[]): boolean {
  if (tokens[index - 1]?.text === '.') return false
  const words = parts.flatMap((part, i) => (i > 0 && parts[0] !== 'new' ? ['.', part] : [part]))
  return words.every((text, i) => {
    const token = tokens[index + i]
    return token?.text === text && token.kind !== 'string'
  })
}

/** A string or a pattern that fills the line: the formatter breaks the rest, and leaves these. */
const long_literal = /['"`/].{60}/

/** Functions, files and lines that are too long. */
export function lengthFindings(file: SourceFile): readonly Finding[] {
  const findings = functionSpans(file.tokens)
    .filter(({ lines }) => lines > function_lines_max)
    .map(({ name, line, lines }) => at(file, line, `function ${name} has ${lines} lines`))
  if (data_files.has(file.path)) return findings
  const lines = file.text.trimEnd().split('\n')
  for (const [index, text] of lines.entries()) {
    if (text.length <= line_length_max || long_literal.test(text)) continue
    findings.push(at(file, index + 1, `the line has ${text.length} characters`))
  }
  if (lines.length > file_lines_max) {
    findings.push(at(file, lines.length, `the file has ${lines.length} lines`))
  }
  return findings
}

/** Words before a `!` that negates what follows rather than asserts what is before. */
const operators: ReadonlySet<string> = new Set(
  'return typeof case in of delete void throw new else do await yield instanceof'.split(' '),
)

/** Parts of the language that the house does without. */
export function languageFindings(file: SourceFile): readonly Finding[] {
  const findings = [...file.text.matchAll(/@ts-(ignore|nocheck|expect-error)/g)].map((match) =>
    at(file, lineOf(file.text, match.index), `has @ts-${match[1]}`),
  )
  const { tokens } = file
  for (const [index, token] of tokens.entries()) {
    const before = tokens[index - 1]
    const after = tokens[index + 1]
    const is_member = before?.text === '.' || before?.text === '?.'
    const is_key = after?.text === ':' || after?.text === '('
    if (token.kind === 'punctuation' && token.text === '!' && isAssertion(before, token)) {
      findings.push(at(file, token.line, 'asserts by ! that a value is there'))
    }
    if (token.kind !== 'word' || is_member) continue
    if (token.text === 'any' && !is_key) findings.push(at(file, token.line, 'has the type any'))
    if (token.text === 'enum' && after?.kind === 'word') {
      findings.push(at(file, token.line, 'has an enum'))
    }
    const is_default = token.text === 'export' && after?.text === 'default'
    if (is_default && !foreign_declarations.has(file.path)) {
      findings.push(at(file, token.line, 'has a default export'))
    }
  }
  return findings
}

function isAssertion(before: Token | undefined, token: Token): boolean {
  if (before === undefined || before.end !== token.start) return false
  if (before.kind === 'word') return !operators.has(before.text)
  return before.text === ')' || before.text === ']'
}

/** Marks of unfinished work, in comments and strings too. */
export function leftoverFindings(path: string, text: string): readonly Finding[] {
  // A test that runs alone hides all others.
  const pattern = new RegExp(`\\b(?:${leftover_marks.join('|')})\\b|\\.only\\(`, 'g')
  return [...text.matchAll(pattern)].map(
    (match) => `${path}:${lineOf(text, match.index)}: has the leftover ${match[0]}`,
  )
}

/** Files of src that neither an entry nor a worker leads to. */
export function deadFileFindings(
  files: readonly SourceFile[],
  roots: readonly string[] = entries,
): readonly Finding[] {
  const by_path = new Map(files.map((file) => [file.path, file]))
  const reached = new Set<string>()
  const open = [...roots]
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    const file = by_path.get(path)
    if (file === undefined || reached.has(path)) continue
    reached.add(path)
    for (const { specifier } of file.imports) open.push(targetOf(path, specifier) ?? '')
  }
  return files
    .filter(({ path }) => !reached.has(path) && !path.endsWith('.d.ts'))
    .map(({ path }) => `${path}:1: nothing imports it`)
}

/** Members of a shared table that no file of src names, other than the table's own. */
export function unusedMembers(
  table: string,
  members: readonly string[],
  files: readonly SourceFile[],
): readonly string[] {
  const used = new Set(
    files.flatMap(({ tokens }) =>
      tokens.flatMap((token, index) =>
        token.text === table && tokens[index + 1]?.text === '.'
          ? [tokens[index + 2]?.text ?? '']
          : [],
      ),
    ),
  )
  return members.filter((member) => !used.has(member))
}

/** The strings of the files, each once. */
export function stringsOf(files: readonly SourceFile[]): ReadonlySet<string> {
  return new Set(
    files.flatMap(({ tokens }) =>
      tokens.filter(({ kind }) => kind === 'string').map(({ text }) => text),
    ),
  )
}

function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { error_table } from '../src/errors.js'
import { limits } from '../src/lib/limits.js'
import {
  deadFileFindings,
  type Finding,
  importFindings,
  languageFindings,
  leftoverFindings,
  lengthFindings,
  purityFindings,
  type SourceFile,
  sourceFile,
  stringsOf,
  unusedMembers,
} from './tidy/checks.js'
import { data_files, entries, impure_files } from './tidy/house-rules.js'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Files below a folder of the repository, by their paths from its root. */
function filesBelow(folder: string, extensions: readonly string[]): readonly string[] {
  return readdirSync(posix.join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => posix.join(folder, name))
    .filter((path) => extensions.includes(posix.extname(path)))
    .filter((path) => statSync(posix.join(root, path)).isFile())
    .sort()
}

function textOf(path: string): string {
  return readFileSync(posix.join(root, path), 'utf8')
}

const sources = filesBelow('src', ['.ts']).map((path) => sourceFile(path, textOf(path)))
const pages = ['README.md', ...filesBelow('docs', ['.md'])]
const texts = [
  ...sources.map(({ path }) => path),
  ...filesBelow('test', ['.ts', '.mjs']),
  ...filesBelow('scripts', ['.ts', '.mjs']),
  ...pages,
]

/** The first column of the tables below a heading of a page, without its backticks. */
function firstColumn(page: string, heading: string): readonly string[] {
  const [, section = ''] = textOf(page).split(new RegExp(`^## ${heading}$`, 'm'))
  const [table = ''] = section.split(/^## /m)
  return [...table.matchAll(/^\| `([^`]+)` \|/gm)].map(([, code]) => code ?? '')
}

describe('src', () => {
  const checks = {
    'imports only what its room may': importFindings,
    'keeps sockets, files, threads and clocks out of pure rooms': purityFindings,
    'has functions, files and lines of a bearable length': lengthFindings,
    'has no default export, enum, any, non-null assertion or suppression': languageFindings,
  } as const satisfies Record<string, (file: SourceFile) => readonly Finding[]>

  test.each(Object.entries(checks))('%s', (_, check) => {
    expect(sources.length).toBeGreaterThan(100)
    expect(sources.flatMap(check)).toEqual([])
  })

  test('has no dead file', () => {
    expect(deadFileFindings(sources)).toEqual([])
  })

  test('uses every limit of lib/limits.ts', () => {
    const others = sources.filter(({ path }) => path !== 'src/lib/limits.ts')
    expect(unusedMembers('limits', Object.keys(limits), others)).toEqual([])
  })

  test('names no exception that is not there', () => {
    const named = [...impure_files, ...data_files, ...entries]
    expect(named.filter((path) => !existsSync(posix.join(root, path)))).toEqual([])
  })
})

describe('everything', () => {
  test('is without leftovers', () => {
    expect(texts.flatMap((path) => leftoverFindings(path, textOf(path)))).toEqual([])
  })
})

describe('docs/errors.md', () => {
  const others = sources.filter(({ path }) => path !== 'src/errors.ts')
  const strings = stringsOf(others)
  const codes = Object.keys(error_table)

  test('lists the codes of src/errors.ts, each with its hint', () => {
    expect(firstColumn('docs/errors.md', 'Errors')).toEqual(codes)
    const page = textOf('docs/errors.md')
    expect(Object.values(error_table).filter(({ hint }) => !page.includes(hint))).toEqual([])
  })

  test('each of which is used', () => {
    expect(codes.filter((code) => !strings.has(code))).toEqual([])
  })

  test('lists the other codes of the server log', () => {
    const logged = others.flatMap(({ text }) =>
      [...text.matchAll(/\b(?:code: '|code":")([a-z_]+\.[a-z_]+)['"]/g)].map(
        ([, code]) => code ?? '',
      ),
    )
    const notices = new Set(logged.filter((code) => !codes.includes(code)))
    expect(new Set(firstColumn('docs/errors.md', 'Notices in the server log'))).toEqual(notices)
  })

  test('lists every SQLSTATE that clients get from pgwitness itself', () => {
    const own = sources.filter(
      ({ path }) => path.startsWith('src/proxy/') || path === 'src/auditor/login.ts',
    )
    // At least one digit, since a word of five capitals is no SQLSTATE; and no success.
    const states = [...stringsOf(own)].filter((text) => /^(?!00000)(?=.*\d)[0-9A-Z]{5}$/.test(text))
    const documented = firstColumn('docs/errors.md', 'What clients see')
    expect(states.length).toBeGreaterThan(5)
    expect(states.filter((state) => !documented.includes(state))).toEqual([])
  })
})

describe('README.md and docs', () => {
  test('link to files that are there', () => {
    const broken = pages.flatMap((page) =>
      [...textOf(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)]
        .map(([, target]) => posix.join(posix.dirname(page), target ?? ''))
        .filter((target) => !existsSync(posix.join(root, target)))
        .map((target) => `${page}: ${target}`),
    )
    expect(broken).toEqual([])
  })

  test('show every page of docs from the README', () => {
    const readme = textOf('README.md')
    const unseen = pages.filter((page) => page !== 'README.md' && !readme.includes(`(${page})`))
    expect(unseen).toEqual([])
  })
})

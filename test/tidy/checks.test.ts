import { describe, expect, test } from 'vitest'
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
} from './checks.js'
import { functionSpans } from './function-lengths.js'
import { leftover_marks } from './house-rules.js'
import { importsOf, tokenize } from './source-text.js'

function lines(count: number, line = '  run()'): string {
  return Array.from({ length: count }, () => line).join('\n')
}

describe('the reader of source files', () => {
  test('leaves out comments and keeps strings, templates and expressions apart', () => {
    const text = [
      "const a = 'it\\'s' // no 'string'",
      "/* nor `this` */ const b = `x $\x7Bf({ c: `y$\x7B1}` })} 'z'`",
      "const d = /['`/]+/g.test(a) ? 4 / 2 / 1 : b",
    ].join('\n')
    const tokens = tokenize(text)
    const strings = tokens.filter(({ kind }) => kind === 'string').map((token) => token.text)
    expect(strings).toEqual(["it\\'s", 'x ', 'y', '', " 'z'"])
    expect(tokens.filter(({ kind }) => kind === 'regex').map((token) => token.text)).toEqual([
      "/['`/]+/g",
    ])
    expect(tokens.at(-1)).toMatchObject({ text: 'b', line: 3 })
  })

  test('finds every kind of import', () => {
    const text = [
      "import './a.js'",
      "import b, { type B } from './b.js'",
      "import type { C } from './c.js'",
      "export { d } from './d.js'",
      "export * as e from './e.js'",
      "export type { F } from './f.js'",
      "const g = await import('./g.js')",
      'export { g }',
      "export const h = import.meta.url, from = 'x'",
      "new Worker(builtFile('sql/parser-worker.js'))",
    ].join('\n')
    expect(importsOf(tokenize(text))).toEqual([
      { specifier: './a.js', line: 1, type_only: false },
      { specifier: './b.js', line: 2, type_only: false },
      { specifier: './c.js', line: 3, type_only: true },
      { specifier: './d.js', line: 4, type_only: false },
      { specifier: './e.js', line: 5, type_only: false },
      { specifier: './f.js', line: 6, type_only: true },
      { specifier: './g.js', line: 7, type_only: false },
      { specifier: '#sql/parser-worker.js', line: 10, type_only: false },
    ])
  })

  test('measures functions, methods and arrows, and no other blocks', () => {
    const text = [
      'export function a<T>(x: T): Map<string, { y: T }> {',
      '  if (x) {',
      '    for await (const y of x) {',
      '    }',
      '  }',
      '}',
      'class B {',
      '  readonly c: number = d(1)',
      '  async #e({ f }: { f: () => void }): Promise<void> {',
      '  }',
      '  g = (h = {}): void => {',
      '  }',
      '}',
      'const i = j ? k(1) : { l: 2 }',
      'function m(): readonly { n: number }[] | undefined {',
      '}',
      'function o(p: string): p is `a$\x7Bstring}` {',
      '}',
    ].join('\n')
    expect(functionSpans(tokenize(text))).toEqual([
      { name: 'a', line: 1, lines: 6 },
      { name: '#e', line: 9, lines: 2 },
      { name: '(arrow)', line: 11, lines: 2 },
      { name: 'm', line: 15, lines: 2 },
      { name: 'o', line: 17, lines: 2 },
    ])
  })
})

/** A file, a text, and what the check must find in it. */
type Case = readonly [path: string, text: string, found: readonly string[]]

function expectFindings(check: (file: SourceFile) => readonly Finding[], cases: readonly Case[]) {
  for (const [path, text, found] of cases) {
    expect(check(sourceFile(path, text)), text).toEqual(found.map((what) => `${path}:${what}`))
  }
}

describe('each check finds what it is for', () => {
  test('imports between rooms', () => {
    expectFindings(importFindings, [
      ['src/wire/a.ts', "import { limits } from '../lib/limits.js'\nimport z from 'zod'", []],
      ['src/wire/a.ts', "import '../session/b.js'", ['1: wire may not import session']],
      ['src/catalog/a.ts', "import type { Facts } from '../sql/facts.js'", []],
      [
        'src/catalog/a.ts',
        "\nimport { facts } from '../sql/facts.js'",
        ['2: catalog may import types of sql alone'],
      ],
      ['src/auditor/a.ts', "import type { Tap } from '../proxy/tap.js'", []],
      [
        'src/auditor.ts',
        "import type { Relay } from './proxy/relay.js'",
        ['1: auditor may import src/proxy/tap.ts of proxy alone'],
      ],
      ['src/lib/a.ts', "export * from '../record/b.js'", ['1: lib may not import record']],
      ['src/ops/a.ts', "void import('../trail/b.js')", ['1: ops may not import trail']],
      ['src/cupboard/a.ts', '', ['1: is in no room of the table']],
      [
        'src/cli/a.ts',
        "import '../cupboard/a.js'",
        ['1: imports src/cupboard/a.ts, which is in no room'],
      ],
    ])
  })

  test('the world outside in pure rooms', () => {
    expectFindings(purityFindings, [
      ['src/wire/a.ts', "import { x } from 'node:net'", ['1: a pure file imports node:net']],
      ['src/wire/a.ts', "import type { Socket } from 'node:net'", []],
      ['src/proxy/a.ts', "import { x } from 'node:net'", []],
      ['src/sql/a.ts', "import 'fs/promises'", ['1: a pure file imports fs/promises']],
      ['src/sql/parser-door.ts', "import 'node:worker_threads'", []],
      [
        'src/auditor/a.ts',
        "import { ParserDoor } from '../sql/parser-door.js'",
        ['1: a pure file imports ../sql/parser-door.js, which is not'],
      ],
      ['src/rules/a.ts', '\nDate.now()', ['2: a pure file calls Date.now']],
      ['src/rules/a.ts', 'clock.setTimeout(1)\n// setTimeout(2)', []],
      ['src/record/a.ts', 'setTimeout(f, 1)', ['1: a pure file calls setTimeout']],
      ['src/record/a.ts', 'performance.now()', ['1: a pure file calls performance.now']],
      ['src/record/a.ts', 'new Date(time)', []],
      ['src/record/a.ts', 'new Date()', ['1: a pure file reads the clock by new Date()']],
    ])
  })

  test('lengths of functions, files and lines', () => {
    const body = (count: number) => `function f() {\n${lines(count)}\n}\n`
    expectFindings(lengthFindings, [
      ['src/a.ts', body(78), []],
      ['src/a.ts', body(79), ['1: function f has 81 lines']],
      ['src/a.ts', `${lines(400, 'a()')}\n`, []],
      ['src/a.ts', lines(401, 'a()'), ['401: the file has 401 lines']],
      ['src/sql/catalog-functions.ts', lines(401, 'a'.repeat(111)), []],
      ['src/a.ts', 'x'.repeat(110), []],
      ['src/a.ts', `const a = '${'x'.repeat(111)}'`, []],
      ['src/a.ts', `\n${'x'.repeat(111)}`, ['2: the line has 111 characters']],
    ])
  })

  test('what the language has and the house does not', () => {
    const suppression = ['// @ts', 'ignore'].join('-')
    expectFindings(languageFindings, [
      ['src/a.ts', `a()\n${suppression}`, ['2: has @ts-ignore']],
      ['src/a.ts', 'export default 1', ['1: has a default export']],
      ['src/ops/pino-roll.d.ts', 'export default 1', []],
      ['src/a.ts', 'const enum A {}', ['1: has an enum']],
      ['src/a.ts', 'z.enum([]); const a = { enum: 1 }', []],
      ['src/a.ts', 'let a: any', ['1: has the type any']],
      ['src/a.ts', 'f<Map<string, any>>(a as any)', ['1: has the type any', '1: has the type any']],
      ['src/a.ts', 'z.any(); Promise.any(a); // any', []],
      ['src/a.ts', 'a!.b', ['1: asserts by ! that a value is there']],
      ['src/a.ts', 'a[0]!', ['1: asserts by ! that a value is there']],
      ['src/a.ts', 'f()!.b', ['1: asserts by ! that a value is there']],
      ['src/a.ts', 'let a!: string', ['1: asserts by ! that a value is there']],
      ['src/a.ts', 'if (!a && b !== c) return !!d', []],
      ['src/a.ts', "const a = 'wait!'", []],
    ])
  })

  test('leftovers', () => {
    const only = ['test.only', "('x')"].join('')
    const [first = ''] = leftover_marks
    const text = `a()\n// ${first}: later\n${only}\nonly('y')`
    expect(leftoverFindings('test/a.test.ts', text)).toEqual([
      `test/a.test.ts:2: has the leftover ${first}`,
      `test/a.test.ts:3: has the leftover ${only.slice(4, 10)}`,
    ])
    expect(leftoverFindings('docs/a.md', `${first}S and X${first}`)).toEqual([])
  })

  test('dead files', () => {
    const files = [
      sourceFile('src/main.ts', "import type { A } from './lib/a.js'"),
      sourceFile('src/lib/a.ts', "builtFile('lib/worker.js')"),
      sourceFile('src/lib/worker.ts', ''),
      sourceFile('src/lib/b.ts', "import './c.js'"),
      sourceFile('src/lib/c.ts', "import './b.js'"),
      sourceFile('src/lib/d.d.ts', ''),
    ]
    expect(deadFileFindings(files)).toEqual([
      'src/lib/b.ts:1: nothing imports it',
      'src/lib/c.ts:1: nothing imports it',
    ])
  })

  test('unused members and strings', () => {
    const files = [sourceFile('src/a.ts', "limits.a + config.limits.b + other.c // limits.d\n'e'")]
    expect(unusedMembers('limits', ['a', 'b', 'c', 'd'], files)).toEqual(['c', 'd'])
    expect(stringsOf(files)).toEqual(new Set(['e']))
  })
})

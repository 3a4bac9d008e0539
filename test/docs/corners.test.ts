import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const root = new URL('../../', import.meta.url)
const page = readFileSync(new URL('docs/corners.md', root), 'utf8')

/** Rows of the table under a heading: its name for the corner, and the column of tests. */
function rowsUnder(heading: string): (readonly [name: string, tests: string])[] {
  const section = page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  return [...section.matchAll(/^\| ([^|]+) \| [^|]+ \| ([^|]+) \|$/gm)].flatMap(
    ([, name = '', tests = '']) => (name === 'corner' || name === 'way' ? [] : [[name, tests]]),
  )
}

/** Lines of a file that begin a test or a group of tests, or that are the title of one by itself. */
function titleLinesOf(path: string): string[] {
  const lines = readFileSync(new URL(path, root), 'utf8').split('\n')
  return lines.filter((line) => /^ *(?:(?:[\])]*|(?:it|test|describe)\b.*?)\()? *['"`]/.test(line))
}

describe('docs/corners.md', () => {
  const numbers = (count: number) => Array.from({ length: count }, (_, at) => `${at + 1}`)

  it('has each corner and each way once', () => {
    expect(rowsUnder('Answers').map(([name]) => name)).toEqual(numbers(25))
    expect(rowsUnder('Ways to hide a statement').map(([name]) => name)).toEqual(numbers(15))
    expect(rowsUnder('The protocol').length).toBeGreaterThan(9)
  })

  const rows = ['Answers', 'The protocol', 'Ways to hide a statement'].flatMap((heading) =>
    rowsUnder(heading),
  )

  it.each(rows)('names tests of %s that exist', (_name, tests) => {
    const tricks = [...tests.matchAll(/trick `([^`]+)`/g)].map(([, name]) => name)
    const gone = tricks.filter(
      (name) => !existsSync(new URL(`test/evasion/tricks/${name}.ts`, root)),
    )
    const titles = [...tests.matchAll(/`(test\/[^`]+)`: ([^;]+)/g)]
    const missing = titles.flatMap(([, path = '', title = '']) =>
      titleLinesOf(path).some((line) => line.includes(title)) ? [] : [`${path}: ${title}`],
    )
    expect([...gone, ...missing]).toEqual([])
    expect(tricks.length + titles.length).toBeGreaterThan(0)
  })
})

import fc from 'fast-check'
import { loadModule, scanSync } from 'libpg-query'
import { beforeAll, describe, expect, it } from 'vitest'
import { SqlTokens } from '../../src/sql/sql-tokens.js'

beforeAll(loadModule)

/** The literals, quoted names and comments that our reader finds, as written. */
function ours(text: string): string[] {
  const found: string[] = []
  const tokens = new SqlTokens(text, false)
  while (tokens.next()) {
    const { kind } = tokens
    if (kind === 'string' || kind === 'dollar' || kind === 'quoted' || kind === 'comment') {
      // The scanner returns the N of N'…' as a keyword of its own; we keep the two together.
      const start = tokens.prefix === 'n' ? tokens.start + 1 : tokens.start
      found.push(text.slice(start, tokens.end))
    }
  }
  return found
}

/** The same by PostgreSQL's own scanner; undefined when it refuses the text. */
function theirs(text: string): string[] | undefined {
  const bytes = Buffer.from(text)
  let scanned: ReturnType<typeof scanSync>
  try {
    scanned = scanSync(text)
  } catch {
    return undefined
  }
  const found: string[] = []
  for (const token of scanned.tokens) {
    const written = bytes.toString('utf8', token.start, token.end)
    if (/^(?:'|"|--|\/\*|[eEbBxX]'|[uU]&['"]|\$.*\$)/s.test(written)) found.push(written)
  }
  return found
}

describe('SqlTokens', () => {
  it.each([
    `select 'a''b', E'\\'c', $$d$$, $x$ $$ $x$, "e""f", U&"g", a$x$, 1$2`,
    `select 'a' -- c1\r, 'b' /* x /* y */ z */ "q"`,
    `select E'a'\n  'b\\'c' , 'd' 'e'`,
    `select B'01', x'ff', N'n', e'', ''`,
    `select x'''', b''''`,
    `select 1*/*c*/2, 3--4`,
    `select 'é', "ü", $é$ 'x' $é$`,
  ])('cuts %j where PostgreSQL does', (text) => {
    expect(theirs(text)).toBeDefined()
    expect(ours(text)).toEqual(theirs(text))
  })

  it('cuts any text where PostgreSQL does', () => {
    const piece = fc.constantFrom(
      ..."' '' \" \\ \\' $$ $a$ $1 $ -- /* */ * / - a e E n x u& U& b 1 . ; , ( ) = é".split(' '),
      ' ',
      '\n',
      '\r',
      '\t',
    )
    let compared = 0
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 24 }), (pieces) => {
        const text = pieces.join('')
        const expected = theirs(text)
        if (expected === undefined) return
        const found = ours(text)
        // The scanner that libpg-query exports does not join literals over a comment; PostgreSQL does.
        if (found.some((written) => /^[^-"$/].*--/s.test(written))) return
        compared++
        expect(found).toEqual(expected)
      }),
      { numRuns: 20_000 },
    )
    expect(compared).toBeGreaterThan(1_000)
  })

  it('joins a literal over a comment and its line end, as the server does', () => {
    expect(ours(`select 'a' -- it's\n'b', 'c'`)).toEqual([`'a' -- it's\n'b'`, `'c'`])
    expect(ours(`select 'a' -- it's`)).toEqual([`'a'`, `-- it's`])
  })

  it('reads a backslash as an escape only where it is told to', () => {
    const text = `'a\\' 'b'`
    const tokens = new SqlTokens(text, true)
    tokens.next()
    expect(text.slice(tokens.start, tokens.end)).toBe(`'a\\' '`)
    const plain = new SqlTokens(text, false)
    plain.next()
    expect(text.slice(plain.start, plain.end)).toBe(`'a\\'`)
  })

  it.each(["'a", '"a', '$$a', '$x$ $$', '/* a', '/* /* */', "E'\\", "E'a\\'"])(
    'says that %j is not terminated',
    (text) => {
      const tokens = new SqlTokens(text, false)
      tokens.next()
      expect([tokens.terminated, tokens.end]).toEqual([false, text.length])
    },
  )
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { analyseNow } from '../../src/sql/analyse-now.js'
import { encodingReading } from '../../src/sql/other-encodings.js'
import { factsReadOtherwise } from '../../src/sql/other-reading.js'
import { SqlTokens } from '../../src/sql/sql-tokens.js'

const secret = 's3cr3tX'

/** All that records may tell of a text of which it is not known whether its backslashes escape. */
async function toldOf(text: string): Promise<string> {
  const { statements, other_reading: reading } = await analyseNow(text)
  const shown = statements.map((statement) =>
    reading === undefined ? statement : factsReadOtherwise(statement, reading),
  )
  // The session alone keeps the values of settings.
  return JSON.stringify(
    shown.map((statement) => ({
      ...statement,
      effects: statement.effects.filter((effect) => effect.kind !== 'set'),
    })),
  )
}

/** True when one of the readings has the statement where it stands, and not within a literal. */
function isStatementIn(text: string, statement: string): boolean {
  const at = text.indexOf(statement)
  return [false, true].some((escapes) => {
    const tokens = new SqlTokens(text, escapes)
    while (tokens.next()) if (tokens.start >= at) return tokens.start === at
    return false
  })
}

describe('a text of which it is not known whether backslashes escape in it', () => {
  it.each([
    `select '\\', n from t --'; alter role r password '${secret}'`,
    `select '\\' --'; alter role r password '${secret}' --'`,
    `alter role r password '\\'; select * from ${secret} --'`,
    `alter role r password '\\'; grant select on t to ${secret} --'`,
    `select '\\' /* '; create user mapping for u server s options (password '${secret}') -- */`,
    `select '\\', n from t --'; execute p('${secret}')`,
    `prepare p as select '\\', n --', crypt('${secret}', 'x')`,
    `declare c cursor for select '\\', n --', crypt('${secret}', 'x')`,
    `select '\\'; select '; alter role r password ${secret} --'`,
    `select n'\\' --'; alter role r password '${secret}'`,
  ])('tells no secret of %j', async (text) => {
    const { other_reading } = await analyseNow(text)
    expect(other_reading?.secret).toBe(true)
    expect(await toldOf(text)).not.toContain(secret)
  })

  it('is shown as a whole, since other statements may have run', async () => {
    const text = `select '\\', n from t --'; delete from t; vacuum`
    const { other_reading } = await analyseNow(text)
    expect(other_reading).toEqual({ text, secret: false })
  })

  it.each([
    `select 'a\\b'`,
    `select 'a\\\\'`,
    `select E'\\''`,
    `select '\\''' --'`,
    `select $$\\'$$`,
  ])('costs nothing where both readings have the same tokens: %j', async (text) => {
    const other = text.includes("\\''' ")
    expect((await analyseNow(text)).other_reading !== undefined).toBe(other)
  })

  it('is looked through in the relay loop in linear time', async () => {
    const tables = Array.from({ length: 3_000 }, (_, index) => `table_number_${index}`)
    const short = `select '\\', n from ${tables.join(', ')} --'; alter role r password 's3cr3tX'`
    expect(short.length).toBeLessThan(65_536)
    const named = await analyseNow(short)
    const [statement] = named.statements
    if (statement === undefined || named.other_reading === undefined) throw new Error('not read')
    const shown = factsReadOtherwise(statement, named.other_reading)
    expect(shown.objects.map(({ name }) => name)).toEqual(tables)
    // Of a text that is too long for that nothing is told but the text; the record matches anything.
    const [table] = statement.objects
    if (table === undefined) throw new Error('no table')
    const objects = Array.from({ length: 400_000 }, (_, index) => {
      return { ...table, name: `table_number_${index}` }
    })
    const text = objects.map(({ name }) => name).join(', ')
    const long = factsReadOtherwise({ ...statement, objects }, { text, secret: true })
    expect([long.text, long.objects]).toEqual([text, []])
  })

  it('tells no secret whatever stands before it', async () => {
    const part = fc.constantFrom(
      `\\`,
      `'`,
      `''`,
      `\\'`,
      '--',
      '\n',
      ' ',
      'E',
      '$$',
      '/*',
      '*/',
      ',',
    )
    const sql = fc.constantFrom(
      `alter role r password '${secret}'`,
      `create subscription s connection 'host=h password=${secret}' publication p`,
      `select set_config('app.password', '${secret}', false)`,
    )
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 8 }), sql, async (parts, statement) => {
        for (const end of ['', " --'"]) {
          const text = `select '${parts.join('')}; ${statement}${end}`
          if (isStatementIn(text, statement)) expect(await toldOf(text)).not.toContain(secret)
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('encodingReading', () => {
  const decode = (part: Buffer) => part.toString('latin1')

  it('finds what a backslash hides that may be half a character', () => {
    const text = `select E'\x95\\' as a, crypt($$${secret}$$, $$x$$) --'`
    const reading = encodingReading(Buffer.from(text, 'latin1'), decode)
    expect(reading?.secret).toBe(true)
    expect(reading?.text).not.toContain(secret)
  })

  it.each([`select 'é', 'a\\b'`, `select 'ää'`, `select '\xe9a'`])('leaves %j alone', (text) => {
    expect(encodingReading(Buffer.from(text, 'latin1'), decode)).toBe(undefined)
  })

  it('leaves out what is too long to be looked through here', () => {
    const bytes = Buffer.from(`select '\x95\\', '${'x'.repeat(70_000)}${secret}'`, 'latin1')
    const reading = encodingReading(bytes, decode)
    expect(reading?.text.endsWith('<REDACTED>')).toBe(true)
    expect(reading?.text).not.toContain(secret)
  })
})

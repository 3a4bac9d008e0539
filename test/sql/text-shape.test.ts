import fc from 'fast-check'
import { loadModule } from 'libpg-query'
import { beforeAll, describe, expect, it } from 'vitest'
import { parseText } from '../../src/sql/parse-text.js'
import { SharedFacts } from '../../src/sql/shared-facts.js'
import { ShapeReader } from '../../src/sql/text-shape.js'
import { fillings, shapeFault } from '../support/shape-faults.js'
import { shapeText } from '../support/shape-texts.js'

beforeAll(loadModule)

function shapeOf(text: string): string | undefined {
  return new ShapeReader().read(text)
}

describe('ShapeReader', () => {
  it.each([
    ['SELECT 1', 'SELECT \u0001'],
    ['SELECT 2147483647, 2147483648, 1.5', 'SELECT \u0001, \u0002, \u0003'],
    ["SELECT 'a', '', 'it''s', '''', '--', '/*', 'a\nb'", `SELECT ${'\u0004, '.repeat(6)}\u0004`],
    ['SELECT 1-2, -1, n*3', 'SELECT \u0001-\u0001, -\u0001, n*\u0001'],
    ['SELECT a1, "b1", "c""1", n[1:2]', 'SELECT a1, "b1", "c""1", n[\u0001:\u0001]'],
    ["UPDATE t SET a=1,b='x'WHERE c", undefined],
    ["UPDATE t SET a=1,b='x' WHERE c", 'UPDATE t SET a=\u0001,b=\u0004 WHERE c'],
  ])('reads %j as %j', (text, shape) => {
    expect(shapeOf(text)).toBe(shape)
  })

  it.each([
    ...["E'x'", "e'x'", "B'1'", "X'1'", "N'x'", "U&'x'", 'U&"x"', "date'x'", "x'y'", 'a"b"'],
    ...['1e5', '1E5', '0x1F', '0b1', '1_000', '1a', '1.', '1..2', '.5', '1.5.2', '1.5e2', 'a.1'],
    ...["'a' 'b'", "'a'\n'b'", "'a'\n\n  'b'", "'a'x", "'a'1", '\'a\'"b"', "1'a'", '1"a"', '"a"1'],
    ...["'a", '"a', "'a''", '1 -- c', '/* c */ 1', "'a' --", '1--2', '1/*2*/'],
    ...[
      "'\\'",
      "'a\\nb'",
      '$1',
      '$$a$$',
      "'$'",
      'a$1',
      '"\\"',
      'é',
      "'é'",
      '"é"',
      '\u0001',
      "'\u0001'",
    ],
    ...['a\u000bb', "'\u000b'", "'\u0000'", '\u007f', '{1}', '02147483648', '0000000001'],
  ])('refuses %j', (text) => {
    expect(shapeOf(`SELECT ${text}`)).toBeUndefined()
  })

  it('refuses what is too long, or has too many literals', () => {
    expect(shapeOf(`SELECT ${'a,'.repeat(2_000)}1`)).toBeDefined()
    expect(shapeOf(`SELECT ${'a,'.repeat(2_100)}1`)).toBeUndefined()
    expect(shapeOf(`SELECT ${'1,'.repeat(511)}1`)).toBeDefined()
    expect(shapeOf(`SELECT ${'1,'.repeat(512)}1`)).toBeUndefined()
  })
})

describe('sharing', () => {
  it.each([
    'SELECT abalance FROM pgbench_accounts WHERE aid = 1;',
    'UPDATE pgbench_accounts SET abalance = abalance + -1 WHERE aid = 1;',
    'INSERT INTO pgbench_history (tid, mtime) VALUES (1, CURRENT_TIMESTAMP);',
    "INSERT INTO t VALUES (1, 'a'), (2, 'b') ON CONFLICT (n) DO UPDATE SET w = 'x' RETURNING *",
    "BEGIN; UPDATE t SET n = 1 WHERE w = 'x'; DELETE FROM t WHERE n = 2; END",
    "SELECT count(*), date_trunc('day', d), '1'::int8, x::float8 FROM t LIMIT 10 OFFSET 2",
    'WITH x AS (SELECT 1 AS n) MERGE INTO t USING x ON t.n = 1 WHEN MATCHED THEN DELETE',
    "SELECT CASE n WHEN 1 THEN 'a' END, ARRAY[1], (SELECT 2) FROM t WHERE n IN (1, 2) OR d < now()",
  ])('%s shares its facts', (text) => {
    expect(parseText(text).sharing).toBe('shared')
  })

  it.each([
    ['SELECT f(1)', 'own: it calls f'],
    ["SELECT set_config('search_path', 'a', false)", 'own: it may hold a secret'],
    ["SELECT nextval('s')", 'own: it calls nextval'],
    ["SELECT to_regclass('t')", 'own: it calls to_regclass'],
    ["SELECT 't'::regclass", 'own: it has a value of the type regclass'],
    ["SELECT regrole 'r'", 'own: it has a value of the type regrole'],
    ["SELECT '1'::float(53)", 'own: it has a value of the type pg_catalog.float8'],
    ['SELECT n FROM t ORDER BY 1', 'own: it sorts by a position'],
    ['SELECT n FROM t GROUP BY 1', 'own: it groups by a position'],
    ["SET x TO 'a'", 'own: it is a VariableSetStmt'],
    ["SET ROLE 'r'", 'own: it is a VariableSetStmt'],
    ["PREPARE TRANSACTION 'g'", 'own: it may name a prepared transaction'],
    ["COMMIT PREPARED ''", 'own: it may name a prepared transaction'],
    ["BEGIN; COMMENT ON TABLE t IS 'x'", 'own: it is a CommentStmt'],
    ['EXECUTE p (1)', 'own: it is a ExecuteStmt'],
    ['EXPLAIN SELECT 1', 'own: it is a ExplainStmt'],
    ['CREATE SEQUENCE s START 1', 'own: it is a CreateSeqStmt'],
    ['SELECT 1 INTO x', 'own: it has a intoClause'],
    ['SELECT * FROM t TABLESAMPLE bernoulli (10)', 'own: it has a RangeTableSample'],
    ["UPDATE pg_settings SET setting = 'x'", 'own: it changes a system catalog'],
    ["SELECT 1 FROM tokens WHERE token = 'x'", 'own: it may hold a secret'],
  ])('%s does not: %s', (text, sharing) => {
    expect(parseText(text).sharing).toBe(sharing)
  })

  it('puts every statement of the other text in its own place', () => {
    const reader = new ShapeReader()
    const text = "  SELECT 1 ; UPDATE t SET n = 22 WHERE w = 'x';DELETE FROM t WHERE n=3  "
    const other = "  SELECT 1234567 ; UPDATE t SET n = 0 WHERE w = '';DELETE FROM t WHERE n=34567  "
    const shape = reader.read(text)
    const facts = new SharedFacts(parseText(text), reader.ends, reader.count)
    expect(reader.read(other)).toBe(shape)
    const shared = facts.of(other, reader.ends)
    expect(
      shared.statements.map(({ text: own, start, end }) => [own, other.slice(start, end)]),
    ).toEqual([
      ['SELECT 1234567', 'SELECT 1234567'],
      ["UPDATE t SET n = 0 WHERE w = ''", "UPDATE t SET n = 0 WHERE w = ''"],
      ['DELETE FROM t WHERE n=34567', 'DELETE FROM t WHERE n=34567'],
    ])
  })

  it('is what the scanner and the whole analysis say, for any text', () => {
    let shaped = 0
    let shared = 0
    const choices = fc.array(fc.nat(1_000_000), { minLength: 200, maxLength: 200 })
    fc.assert(
      fc.property(choices, (numbers) => {
        let next = 0
        const choose = (limit: number) => (numbers[next++ % numbers.length] ?? 0) % limit
        const text = shapeText(choose)
        if (shapeOf(text) !== undefined) shaped++
        if (parseText(text).sharing === 'shared') shared++
        for (let round = 0; round < 3; round++) {
          const fault = shapeFault(
            text,
            (mark) => fillings[mark][choose(fillings[mark].length)] ?? '',
          )
          if (fault !== undefined) throw new Error(`${text}\n${fault}`)
        }
      }),
      { numRuns: 3_000 },
    )
    // The property says nothing unless many texts have a shape, and many of them share it.
    expect(shaped).toBeGreaterThan(500)
    expect(shared).toBeGreaterThan(100)
  })
})

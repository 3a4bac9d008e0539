import fc from 'fast-check'
import { parseSync } from 'libpg-query'
import { describe, expect, it } from 'vitest'
import { limits } from '../../src/lib/limits.js'
import { analyseText, unparsedFacts } from '../../src/sql/analyse-text.js'
import { analyse, analyseOne } from './render.js'

/** The raw pieces of a text as the spans cut it. */
function pieces(text: string): string[] {
  return analyse(text).statements.map(({ start, end }) => text.slice(start, end))
}

describe('spans of statements', () => {
  it.each([
    ['  select 1 ; /* x */ select 2;-- c', ['select 1', '/* x */ select 2']],
    ['select 1;;; ;\n-- a;b\nselect 2', ['select 1', '-- a;b\nselect 2']],
    ['/* a */; /* b /* ; */ ; */ select 1 /* c */', ['/* b /* ; */ ; */ select 1 /* c */']],
    ['select \'a;b\'; select "c;d" , $$e;f$$', ["select 'a;b'", 'select "c;d" , $$e;f$$']],
    ['-- a\rselect 1', ['-- a\rselect 1']],
    ["select 'é'; select '€', '𝄞' ; select 'z'", ["select 'é'", "select '€', '𝄞'", "select 'z'"]],
    ['/* 𝄞é */ select 1 ;/*é*/select 2', ['/* 𝄞é */ select 1', '/*é*/select 2']],
    [
      'begin; create function f() returns int begin atomic select 1; select 2; end; commit',
      ['begin', 'create function f() returns int begin atomic select 1; select 2; end', 'commit'],
    ],
  ])('%j', (text, expected) => {
    expect(pieces(text)).toEqual(expected)
  })

  it('finds every statement wherever it stands, whatever stands around it', () => {
    const word = fc.stringMatching(/^[a-zé€𝄞 ;*/-]{0,6}$/u)
    const statement = word.map((text) => `select '${text}' as "x${text}y"`)
    const filler = fc.constantFrom('', ' ', '\n', ' ;', ';;', '/* é;𝄞 */', '-- €;\n', '/**/;')
    fc.assert(
      fc.property(fc.array(fc.tuple(filler, statement, filler), { maxLength: 6 }), (parts) => {
        const text = parts.map(([before, own, after]) => before + own + after).join(';')
        if (text === '') return
        const found = pieces(text)
        expect(found.length).toBe(parts.length)
        for (const [index, [, own]] of parts.entries()) {
          const piece = found[index] ?? ''
          expect(piece).toContain(own)
          expect(piece).toBe(piece.trim())
          expect(analyse(piece).statements.length).toBe(1)
        }
      }),
    )
  })

  it('knows no statement in an empty query', () => {
    for (const text of [';', ' -- x', '/* x */ ;; ']) {
      expect(analyse(text)).toMatchObject({ status: 'parsed', statements: [] })
    }
  })
})

describe('statements inside statements', () => {
  it('carries the place and the text of the whole', () => {
    const text = "select 1; prepare p as delete from t where a = 'x' returning b"
    const outer = analyse(text).statements[1]
    const effect = outer?.effects[0]
    expect(effect?.kind).toBe('prepare')
    if (effect?.kind !== 'prepare') return
    expect(effect.text).toBe("prepare p as delete from t where a = 'x' returning b")
    expect(effect.statement).toMatchObject({
      start: outer?.start,
      end: outer?.end,
      text: outer?.text,
      node: 'DeleteStmt',
      class: 'WRITE',
      command: 'DELETE',
      tags: ['DELETE'],
    })
    expect(effect.statement.objects[0]?.access).toEqual(['delete', 'select'])
  })

  it('leaves the effects of what is prepared to its execution', () => {
    const [effect] = analyseOne("prepare p as select set_config('role', 'x', false)").effects
    expect(effect?.kind === 'prepare' && effect.statement.effects).toEqual([
      { kind: 'set', name: 'role', values: ['x'], local: false },
    ])
  })

  it('gives the sources of a cursor to its inner facts', () => {
    const [effect] = analyseOne('declare c cursor for table s.t').effects
    expect(effect?.kind === 'declare_cursor' && effect.statement.objects).toMatchObject([
      { schema: 's', name: 't', access: ['select'], columns: ['*'] },
    ])
  })
})

describe('calls that are taken for functions of pg_catalog', () => {
  it('are named, in case that a user has one of that name', () => {
    const text = 'select abs(a), pg_catalog.sqrt(b), s.ceil(c), f(d), setval(e, 1) from t'
    expect(analyseOne(text).built_in_calls).toEqual(['abs', 'setval'])
    const syntax = "json_scalar(f(a)), json('1'), json_query(b, '$'), json_array(1)"
    expect(analyseOne(`select ${syntax} from t`)).toMatchObject({
      class: 'FUNCTION',
      built_in_calls: ['json_scalar', 'json', 'json_query', 'json_array'],
      objects: [{ name: 'f' }, { name: 't', columns: ['a', 'b'] }],
    })
    expect(analyseOne('create view v as select abs(a) from t').built_in_calls).toBeUndefined()
    expect(analyseOne('select 1')).not.toHaveProperty('built_in_calls')
  })
})

describe('large and deep texts', () => {
  const deep = {
    plus: `select a${' + 1'.repeat(3000)} from t`,
    union: `select a from t${' union select 1'.repeat(3000)}`,
    subqueries: `select a from ${'(select a from '.repeat(500)}t${') x'.repeat(500)}`,
    negation: `select ${'not '.repeat(3000)}a from t`,
  }
  it.each(Object.entries(deep))('reads %s to the bottom', (_name, text) => {
    const [statement] = analyse(text).statements
    expect(statement?.objects).toMatchObject([{ name: 't', columns: ['a'] }])
  })

  it('names each of many privileges and grantees once instead of multiplying them', () => {
    const names = (letter: string) => Array.from({ length: 1000 }, (_, index) => letter + index)
    const grants = analyseOne(`grant ${names('a').join()} to ${names('b').join()}`).grants ?? []
    expect(grants.length).toBe(1999)
    expect(new Set(grants.map(({ privilege }) => privilege)).size).toBe(1000)
    expect(new Set(grants.map(({ grantee }) => grantee)).size).toBe(1000)
    expect(limits.grants_per_statement).toBeLessThan(1_000_000)
  })

  it('weighs more the more it holds', () => {
    const small = analyse('select a from t').weight
    expect(analyse('select a from t, u, v').weight).toBeGreaterThan(small)
    expect(analyse('prepare p as select a from t').weight).toBeGreaterThan(small)
  })

  it('refuses a tree that is not of the grammar', () => {
    const parse = parseSync('select 1')
    const stmts = [{ stmt: { String: { sval: 'x' } } }]
    expect(() => analyseText('select 1', { ...parse, stmts })).toThrow(RangeError)
  })
})

describe('texts that cannot be parsed', () => {
  it('is one statement of class WRITE that agrees with every tag', () => {
    const facts = unparsedFacts("  update t set 'x'", 'syntax_error', 'near x', '  update t set ?')
    expect(facts).toMatchObject({ status: 'syntax_error', problem: 'near x' })
    expect(facts.statements).toMatchObject([
      {
        start: 0,
        end: 18,
        text: '  update t set ?',
        node: '',
        class: 'WRITE',
        command: 'UPDATE',
        tags: ['*'],
        objects: [],
        effects: [],
        secret_parameters: true,
      },
    ])
  })

  it('expects anything of a text that nobody could read', () => {
    const [statement] = unparsedFacts('x', 'unparsed', 'timed out', 'x').statements
    expect(statement?.effects).toEqual([
      { kind: 'opaque', forgets: ['settings', 'role', 'temporary', 'prepared'] },
    ])
  })

  it.each([
    ['select', 'SELECT'],
    [' ;drop x', 'DROP'],
    ['hunter2', ''],
    ['secret', ''],
    ['selectx', ''],
    ['', ''],
    ['/* x */ select', ''],
  ])('takes the command of %j from a known word only', (text, command) => {
    expect(unparsedFacts(text, 'syntax_error', 'p', text).statements[0]?.command).toBe(command)
  })
})

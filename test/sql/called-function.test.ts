import { describe, expect, it } from 'vitest'
import { analyseNow } from '../../src/sql/analyse-now.js'
import { calledFunctionFacts } from '../../src/sql/called-function.js'
import { catalog_functions } from '../../src/sql/catalog-functions.js'
import { notable_catalog_functions } from '../../src/sql/function-calls.js'

const called = (schema: string, name: string, argument_count = 2) =>
  calledFunctionFacts({
    schema,
    name,
    title: `${schema}.${name}()`,
    argument_types: Array.from({ length: argument_count }, () => 25),
  })

/** What the same call by SQL may change in its session, and its class. */
async function bySql(schema: string, name: string) {
  const facts = await analyseNow(`SELECT "${schema}"."${name}"($1, $2)`)
  return facts.statements[0]
}

describe('a function that is called by its number', () => {
  it('does to its session what a SELECT of it does, and is of the same class', async () => {
    for (const name of [...notable_catalog_functions.keys(), 'my_own']) {
      const schema = name === 'my_own' ? 'public' : 'pg_catalog'
      const sql = await bySql(schema, name)
      const call = called(schema, name)
      expect([name, call.class]).toEqual([name, sql?.class])
      expect([name, call.effects]).toEqual([name, sql?.effects])
    }
  })

  it('keeps secret what a SELECT of it would', async () => {
    for (const name of ['crypt', 'dblink_connect', 'check_password', 'add', 'pgp_sym_encrypt']) {
      const sql = await bySql('public', name)
      expect([name, called('public', name).secret_parameters]).toEqual([
        name,
        sql?.secret_parameters,
      ])
    }
  })

  it('that only computes leaves the session as it was', () => {
    for (const name of catalog_functions) {
      if (notable_catalog_functions.has(name)) continue
      expect([name, called('pg_catalog', name).effects]).toEqual([name, []])
    }
    expect(called('pg_catalog', 'unheard_of').effects).not.toEqual([])
    expect(called('public', 'lower').effects).not.toEqual([])
  })
})

import { describe, expect, it } from 'vitest'
import { catalog_functions } from '../../src/sql/catalog-functions.js'
import { notable_catalog_functions } from '../../src/sql/function-calls.js'
import { splitIdentifiers } from '../../src/sql/set-config.js'

describe('lists of identifiers', () => {
  it.each([
    ['', []],
    ['  ', []],
    ['a', ['a']],
    ['A, "B", c', ['a', 'B', 'c']],
    ['"$user", public', ['$user', 'public']],
    ['"a ""b"" c"', ['a "b" c']],
    ['"a, b" , c ', ['a, b', 'c']],
    ['""', ['']],
    ['a,', undefined],
    ['a b', undefined],
    ['"a', undefined],
    [',a', undefined],
  ])('%j', (list, names) => {
    expect(splitIdentifiers(list)).toEqual(names)
  })
})

describe('notable functions of pg_catalog', () => {
  it('are functions that PostgreSQL 18 has', () => {
    const unknown = [...notable_catalog_functions.keys()].filter(
      (name) => !catalog_functions.has(name),
    )
    expect(unknown).toEqual([])
    expect(catalog_functions.size).toBeGreaterThan(2500)
  })
})

import { expect, test } from 'vitest'
import { parseAcl } from '../../src/catalog/acl.js'

test('an access control list is read with quoted names, PUBLIC and grant options', () => {
  expect(parseAcl('{}')).toEqual([])
  expect(parseAcl('{postgres=arwdDxtm/postgres,=r/postgres}')).toEqual([
    { grantee: 'postgres', privileges: 'arwdDxtm' },
    { grantee: '', privileges: 'r' },
  ])
  expect(parseAcl('{"\\"a \\"\\"b\\"\\",c=d\\"=r*w/postgres",e=a/"\\"x/y\\""}')).toEqual([
    { grantee: 'a "b",c=d', privileges: 'rw' },
    { grantee: 'e', privileges: 'a' },
  ])
})

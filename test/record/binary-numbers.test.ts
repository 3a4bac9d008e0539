import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { limits } from '../../src/lib/limits.js'
import { binaryNumeric } from '../../src/record/binary-numbers.js'
import { renderParameters } from '../../src/record/render-parameters.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type ProxyUnderTest, startProxy } from '../support/proxy.js'

describe('a numeric in binary format', () => {
  let postgres: ScratchPostgres
  let proxy: ProxyUnderTest
  let client: pg.Client

  beforeAll(async () => {
    postgres = await startPostgres()
    proxy = await startProxy(postgres)
    client = await proxy.client()
  })

  afterAll(async () => {
    await client.end()
    await proxy.stop()
    await postgres.stop()
  })

  it('reads as the server prints it', async () => {
    const { rows } = await client.query<{ sent: Buffer; printed: string }>(`
      SELECT numeric_send(n) AS sent, n::text AS printed FROM (
        SELECT unnest(ARRAY[0, 1, -12.50, 10000, 99999999, 0.0001, 0.00001, 1e-20, 1e40, 1e-300,
          12345678901234567890.000100, 1.000000000000, 'NaN', 'Infinity', '-Infinity']::numeric[])
        UNION ALL
        SELECT round((random() * 2 - 1)::numeric * 10::numeric ^ (n % 41 - 20), n % 23)
        FROM generate_series(1, 1000) AS n
      ) AS t (n)`)
    expect(rows.length).toBe(1_015)
    expect(rows.map(({ sent }) => binaryNumeric(sent))).toEqual(rows.map(({ printed }) => printed))
  })
})

describe('bytes that are not one number of bearable length', () => {
  const words = (...values: readonly number[]) => {
    const bytes = Buffer.alloc(2 * values.length)
    for (const [index, value] of values.entries()) bytes.writeUInt16BE(value & 0xffff, 2 * index)
    return bytes
  }

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['half a header', words(1, 0, 0)],
    ['fewer digits than said', words(2, 0, 0, 0, 1)],
    ['more digits than said', words(0, 0, 0, 0, 1)],
    ['a digit that is none', words(1, 0, 0, 0, 10_000)],
    ['an unknown sign', words(1, 0, 0x1234, 0, 1)],
    ['a great number of zeros', words(1, 0x7fff, 0, 0, 1)],
    ['a great number of decimals', words(1, -1, 0, limits.numeric_digits + 1, 1)],
  ])('are shown as they are: %s', (_, bytes) => {
    expect(renderParameters([bytes], [1], [1700])).toEqual([`\\x${bytes.toString('hex')}`])
  })

  it('is bounded where the digits begin far behind the point', () => {
    expect(binaryNumeric(words(1, -0x8000, 0, 3, 1))).toBe('0.000')
  })
})

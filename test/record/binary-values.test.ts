import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { renderParameters } from '../../src/record/render-parameters.js'
import { execute, int16, message, parse, sync } from '../support/messages.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { RawClient, startupPacket } from '../support/raw-client.js'

/**
 * Binary values as a record shows them, against what the server itself says of them in text: edges
 * by hand, and values of its own random numbers (the seed is fixed, so that a failure comes again).
 */
const samples: Readonly<Record<string, readonly string[]>> = {
  bool: ["'t'", "'f'", 'random() < 0.5'],
  int2: ["'-32768'", "'32767'", "'0'", '(random() * 60000 - 30000)'],
  int4: ["'-2147483648'", "'2147483647'", '((random() - 0.5) * 4e9)'],
  int8: ["'-9223372036854775808'", "'9223372036854775807'", '((random() - 0.5) * 1.8e19)'],
  oid: ["'0'", "'4294967295'", '(random() * 4e9)::int8'],
  xid: ["'4294967295'"],
  float4: [
    ...["'NaN'", "'Infinity'", "'-Infinity'", "'-0'", "'0.1'", "'1e6'", "'999999'", "'1e-5'"],
    ...["'0.0001'", "'3.4028235e38'", "'1e-45'", "'16777216'", "'-123456.7'"],
    '((random() - 0.5) * 10 ^ (random() * 70 - 35))',
  ],
  float8: [
    ...["'NaN'", "'Infinity'", "'-Infinity'", "'-0'", "'0.1'", "'1e15'", "'999999999999999'"],
    ...["'1e-5'", "'0.0001'", "'1.7976931348623157e308'", "'5e-324'", "'9007199254740993'"],
    '((random() - 0.5) * 10 ^ (random() * 600 - 300))',
  ],
  numeric: [
    ...["'NaN'", "'Infinity'", "'-Infinity'", "'0'", "'0.000'", "'-0.00010'", "'10000'", "'1e100'"],
    ...["'12345678901234567890.123456789'", "'0.00000000000000000001'", "'100000000.00000001'"],
    '((random() - 0.5) * 10 ^ (random() * 40 - 20))::numeric',
    '(random() * 1e6)::numeric(12, 3)',
    '(random() * 100)::int * 10000::numeric ^ (random() * 8)::int',
  ],
  text: ["''", "'a'", "'é€ \"\\ {},'", 'md5(random()::text)'],
  varchar: ["'a b'"],
  bpchar: ["'a  '"],
  name: ["'pg_class'"],
  '"char"': ["'x'"],
  bytea: ["''", "'\\x00ff'", 'decode(md5(random()::text), $$hex$$)'],
  uuid: ["'00000000-0000-0000-0000-000000000000'", 'gen_random_uuid()'],
  json: ['\'{"a": [1, null]}\''],
  jsonb: ['\'{"a": [1, null], "b": "é"}\''],
  xml: ["'<a>b</a>'"],
  date: [
    ...[
      "'infinity'",
      "'-infinity'",
      "'2000-01-01'",
      "'1999-12-31'",
      "'2024-02-29'",
      "'0001-01-01'",
    ],
    ...[
      "'0001-12-31 BC'",
      "'0045-03-15 BC'",
      "'4714-11-24 BC'",
      "'10000-01-01'",
      "'5874897-12-31'",
    ],
    "date '1900-01-01' + (random() * 100000)::int",
    "date '2000-01-01' + ((random() - 0.5) * 3000000)::int",
  ],
  time: [
    "'00:00:00'",
    "'24:00:00'",
    "'23:59:59.999999'",
    "'04:05:06.5'",
    "time '00:00' + random() * interval '86399 s'",
  ],
  timetz: ["'04:05:06+00'", "'04:05:06.7-03:30'", "'23:59:59+14'", "'12:00:00-00:00:09'"],
  timestamp: [
    ...["'infinity'", "'-infinity'", "'2000-01-01'", "'1999-12-31 23:59:59.999999'"],
    ...["'4714-11-24 00:00:00 BC'", "'294276-12-31 23:59:59.999999'", "'0001-01-01 BC'"],
    "timestamp '2000-01-01' + ((random() - 0.5) * 1e11) * interval '1s'",
  ],
  timestamptz: [
    ...["'infinity'", "'-infinity'", "'2026-11-21 22:06:01.123456+00'", "'0044-03-15 12:00+00 BC'"],
    "timestamptz '2000-01-01+00' + ((random() - 0.5) * 1e11) * interval '1s'",
  ],
  interval: [
    ...["'0'", "'1 year'", "'-1 year 2 mons'", "'1 mon -1 day'", "'1 day -00:00:01'", "'infinity'"],
    ...["'-infinity'", "'-1 days +02:03:04'", "'25:00:00'", "'1000:00:00.000001'", "'-0.5 s'"],
    ...["'-1 year -1 mon 1 day -0.1 s'", "'2 years 1 mon 1 day 00:00:01'"],
    'make_interval(months => ((random() - 0.5) * 50)::int, days => ((random() - 0.5) * 50)::int, secs => (random() - 0.5) * 1e5)',
  ],
  'int4[]': ["'{}'", "'{1,NULL,-3}'", "'{{1,2},{3,4}}'", "'[2:3]={5,6}'", "'[0:0][2:2]={{7}}'"],
  'text[]': ['\'{"",NULL,"null","a b","c\\"d","e\\\\f","{",",",plain}\'', "'{{a},{b},{c}}'"],
  'bool[]': ["'{t,f,NULL}'"],
  'numeric[]': ["'{1.50,NaN,-0.001}'"],
  'float8[]': ["'{1e20,0.1}'"],
  'bytea[]': ['\'{"\\\\x00",""}\''],
  'uuid[]': ['array[gen_random_uuid(), gen_random_uuid()]'],
  'date[]': ["'{2000-01-01,infinity}'"],
  'timestamptz[]': ["'{2000-01-01 00:00:00+00}'"],
  'interval[]': ["'{1 day,01:00:00}'"],
  'jsonb[]': ["array['{\"a\": 1}'::jsonb, 'null'::jsonb]"],
}

const random_rounds = 200

let postgres: ScratchPostgres
let client: pg.Client

beforeAll(async () => {
  postgres = await startPostgres({ hba: ['host all all 127.0.0.1/32 trust'] })
  const { host, port } = postgres
  client = new pg.Client({ host, port, user: 'postgres', database: 'postgres' })
  await client.connect()
  await client.query("SET TimeZone = 'UTC'; SELECT setseed(0.20261122)")
})

afterAll(async () => {
  await client.end()
  await postgres.stop()
})

/** The values of the table, as the server sends them in this format. */
async function column(format: 0 | 1): Promise<Buffer[]> {
  const raw = await RawClient.connect(postgres.port)
  raw.send(
    startupPacket({ user: 'postgres', database: 'postgres', TimeZone: 'UTC' }),
    parse('', 'SELECT v FROM sample ORDER BY id'),
    message('B', '\0\0', int16(0), int16(0), int16(1), int16(format)),
    execute(),
    sync(),
  )
  await raw.until((text) => text.split('Z\0\0\0\x05I').length === 3)
  raw.end()
  const values: Buffer[] = []
  const bytes = raw.received
  for (let at = 0; at < bytes.length; at += 1 + bytes.readInt32BE(at + 1)) {
    // A DataRow: its length, the number of columns, the length of the only one.
    if (bytes[at] === 0x44)
      values.push(bytes.subarray(at + 11, at + 11 + bytes.readInt32BE(at + 7)))
  }
  return values
}

describe('a binary value is shown as the server shows it', () => {
  it.each(Object.entries(samples))('%s', async (type, expressions) => {
    await client.query(`DROP TABLE IF EXISTS sample; CREATE TABLE sample (id serial, v ${type})`)
    for (const expression of expressions) {
      const rounds = /random|gen_/.test(expression) ? random_rounds : 1
      await client.query(
        `INSERT INTO sample (v) SELECT (${expression})::${type} FROM generate_series(1, ${rounds})`,
      )
    }
    const oid = (await client.query('SELECT v FROM sample LIMIT 0')).fields[0]?.dataTypeID ?? 0
    const binary = await column(1)
    const shown = await column(0)
    expect(binary.length).toBeGreaterThanOrEqual(expressions.length)
    const ours = binary.map((value) => renderParameters([value], [1], [oid])[0])
    const words: Readonly<Record<string, string>> = { t: 'true', f: 'false' }
    const texts = shown.map((value) => value.toString('utf8'))
    const theirs = texts.map((word) => (type === 'bool' ? words[word] : word))
    expect(ours).toEqual(theirs)
  })
})

describe('a binary value that is not of its type', () => {
  it('is shown as hexadecimal digits, whatever it is', () => {
    const types = [20, 21, 23, 26, 700, 701, 1007, 1082, 1083, 1114, 1186, 1231, 1266, 1700, 2950]
    for (const type of types) {
      for (const bytes of ['ff', 'ffffff', `${'7f'.repeat(13)}`, '00'.repeat(31)]) {
        const value = Buffer.from(bytes, 'hex')
        const shown = renderParameters([value], [1], [type])[0]
        expect(shown, `type ${type}`).toBe(`\\x${bytes}`)
      }
    }
  })

  it('does not make an array of more elements than it has bytes', () => {
    const huge = Buffer.alloc(20)
    huge.writeInt32BE(1, 0)
    huge.writeInt32BE(23, 8)
    huge.writeInt32BE(0x7fffffff, 12)
    expect(renderParameters([huge], [1], [1007])).toEqual([`\\x${huge.toString('hex')}`])
  })

  it('is shown as hexadecimal digits where nobody knows the type; NULL is not empty', () => {
    const value = Buffer.from('cafe', 'hex')
    const values = [value, null, Buffer.alloc(0), Buffer.from('x')]
    expect(renderParameters(values, [1, 1, 0, 0], [600, 600])).toEqual(['\\xcafe', null, '', 'x'])
  })
})

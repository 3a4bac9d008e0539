import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AuditRecord } from '../../src/record/audit-record.js'
import { renderHead, renderJson, renderSession } from '../../src/record/json-format.js'
import { valueJson } from '../../src/record/json-text.js'
import { anyRecord, anyText, storable } from './arbitrary-record.js'
import { json_keys } from './json-keys.js'
import { sample_session, sample_time_us, sampleRecords } from './sample-records.js'

function line(record: AuditRecord, instance = 'here'): string {
  return renderHead('0a1b', 3, 42) + renderJson(record, instance)
}

/** What reading the line must give: the record, without what the format leaves out. */
function expected(record: AuditRecord, instance: string): unknown {
  const { time_us, session_audited: _, parameters_cut, rules, objects, ...rest } = record
  const in_statement = record.statement === undefined ? undefined : []
  const content = {
    ...rest,
    v: 1,
    trail: '0a1b',
    epoch: 3,
    seq: 42,
    instance,
    time: `${new Date(Math.floor(time_us / 1000)).toISOString().slice(0, -1)}${`${time_us % 1000}`.padStart(3, '0')}Z`,
    rules: rules ?? in_statement,
    objects: (objects ?? in_statement)?.map(({ audited, ...object }) =>
      audited === true ? { ...object, audited } : object,
    ),
    ...(parameters_cut === true && { parameters_cut }),
  }
  return JSON.parse(JSON.stringify(content), (_key, value: unknown) => {
    if (typeof value === 'string') return storable(value)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [storable(key), member]))
  })
}

describe('renderJson', () => {
  it('gives any record back, on one line without control characters', () => {
    fc.assert(
      fc.property(anyRecord, anyText, (record, instance) => {
        const text = line(record, instance)
        expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/)
        expect(text).not.toContain('\\u0000')
        expect(storable(text)).toBe(text)
        expect(JSON.parse(text)).toEqual(expected(record, instance))
      }),
      { numRuns: 1_000 },
    )
  })

  it('has its keys in the documented order', () => {
    fc.assert(
      fc.property(anyRecord, (record) => {
        const keys = Object.keys(JSON.parse(line(record)) as object)
        expect(keys).toEqual(json_keys.filter((key) => keys.includes(key)))
      }),
    )
  })

  it('begins with the instance, ends with the brace', () => {
    for (const record of sampleRecords().values()) {
      expect(renderJson(record, 'core-db-1')).toMatch(/^"instance":"core-db-1","time":".*\}$/)
    }
  })

  it('has rules and objects in statement records, and only there when there are none', () => {
    const statement = { uid: '1.1', id: 1, protocol: 'simple', text: 'SELECT 1' } as const
    const base = { time_us: sample_time_us, class: 'READ', command: 'SELECT' } as const
    expect(JSON.parse(line({ ...base, statement }))).toMatchObject({ rules: [], objects: [] })
    expect(JSON.parse(line(base))).not.toHaveProperty('rules')
    expect(JSON.parse(line(base))).not.toHaveProperty('objects')
  })

  it('escapes each special character, and NUL and lone surrogates become U+FFFD', () => {
    const text = 'a"b\\c\n\u0007\u007f\u0085\u2028\u2029\u0000\ud800😀\udc00'
    const record = { time_us: 0, class: 'MISC', command: text } as const
    expect(renderJson(record, '')).toContain(
      '"command":"a\\"b\\\\c\\n\\u0007\\u007f\\u0085\\u2028\\u2029\ufffd\ufffd😀\ufffd"',
    )
  })
})

describe('renderHead', () => {
  it('takes numbers beyond 2^53', () => {
    expect(renderHead('t"x', 1, 9_007_199_254_740_993n)).toBe(
      '{"v":1,"trail":"t\\"x","epoch":1,"seq":9007199254740993,',
    )
  })
})

describe('renderSession', () => {
  it('renders a part once', () => {
    const part = { ...sample_session }
    const first = renderSession(part)
    Object.assign(part, { user: 'other' })
    expect(renderSession(part)).toBe(first)
    expect(renderSession({ ...part })).toContain('"user":"other"')
  })
})

describe('valueJson', () => {
  it('renders what JSON has no word for', () => {
    const value = { a: undefined, b: [undefined, 1n, Number.NaN], c: new Date(0), d: true, e: null }
    expect(valueJson(value)).toBe(
      '{"b":[null,1,null],"c":"1970-01-01T00:00:00.000Z","d":true,"e":null}',
    )
  })

  it('survives a value that contains itself', () => {
    const value: { self?: unknown } = {}
    value.self = value
    expect(JSON.parse(valueJson(value))).toBeTypeOf('object')
    expect(valueJson(value)).toContain('(nested too deeply)')
  })
})

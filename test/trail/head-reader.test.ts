import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { renderCsv } from '../../src/record/csv-format.js'
import { renderJson } from '../../src/record/json-format.js'
import { HeadReader } from '../../src/trail/head-reader.js'
import { readHead } from '../../src/trail/sequence-check.js'

const classes = ['READ', 'WRITE', 'AUDIT', 'CONNECT'] as const

const heads = fc.record({
  trail: fc.constantFrom('0123456789abcdef', 'another-trail'),
  epoch: fc.integer({ min: 1, max: 12 }),
  seq: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.maxSafeInteger().map(Math.abs)),
  instance: fc.constantFrom('test', 'b"c\\', 'Zoë'),
  class: fc.constantFrom(...classes),
  command: fc.constantFrom('SELECT', '"class":"AUDIT"'),
})

/** A line of the JSON format, sometimes with a byte changed. */
const lines = fc
  .record({ head: heads, at: fc.nat(160), byte: fc.option(fc.nat(255), { freq: 3 }) })
  .map(({ head, at, byte }) => {
    const { trail, epoch, seq, instance, command } = head
    const record = { time_us: 1_763_762_761_123_456, class: head.class, command }
    const body = renderJson(record, instance)
    const line = Buffer.from(`{"v":1,"trail":"${trail}","epoch":${epoch},"seq":${seq},${body}`)
    if (byte !== null && at < line.length) line[at] = byte
    return line
  })

describe('the head of a record', () => {
  it('is read by its bytes as it is read as text, whatever came before', () => {
    fc.assert(
      fc.property(fc.array(lines, { minLength: 1, maxLength: 20 }), (records) => {
        const reader = new HeadReader()
        for (const line of records) {
          // Bytes around the line must not be taken for its own.
          const bytes = Buffer.concat([Buffer.from('12'), line, Buffer.from('3"class":"AUDIT"')])
          const is_head = reader.readJson(bytes, 2, 2 + line.length)
          const expected = readHead(line)
          expect(is_head).toBe(expected !== undefined)
          if (expected === undefined) continue
          expect([reader.epoch, reader.seq]).toEqual([expected.epoch, expected.seq])
          if (line.includes('"class":"AUDIT",')) expect(reader.may_be_audit).toBe(true)
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it('tells AUDIT records from others in CSV', () => {
    for (const of_class of classes) {
      const record = { time_us: 1_763_762_761_123_456, class: of_class, command: 'audit.stop' }
      const line = Buffer.from(renderCsv(record, 'UTC'))
      expect(HeadReader.mayBeAuditCsv(line, 0, line.length)).toBe(of_class === 'AUDIT')
      expect(HeadReader.mayBeAuditCsv(line, 0, 10)).toBe(false)
    }
  })
})

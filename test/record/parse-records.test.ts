import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { csvColumns } from '../../src/record/csv-columns.js'
import { renderCsv } from '../../src/record/csv-format.js'
import { csvColumn } from '../../src/record/csv-text.js'
import { renderHead, renderJson } from '../../src/record/json-format.js'
import { parseCsvRow, recordOfRow } from '../../src/record/parse-csv-record.js'
import { parseJsonRecord } from '../../src/record/parse-json-record.js'
import { anyRecord } from './arbitrary-record.js'
import { readCsv } from './read-csv.js'
import { sample_records, sampleRecords } from './sample-records.js'

function jsonLine(record: Parameters<typeof renderJson>[0]): string {
  return `${renderHead('0123456789abcdef', 1, 1)}${renderJson(record, 'test')}`
}

describe('the JSON format', () => {
  it.each([...sampleRecords()])('reads back %s', (_, record) => {
    const parsed = parseJsonRecord(jsonLine(record))
    expect(parsed).toBeDefined()
    // What is rendered from the parsed one is the same line.
    if (parsed !== undefined) expect(jsonLine(parsed)).toBe(jsonLine(record))
  })

  it('reads back whatever is rendered', () => {
    fc.assert(
      fc.property(anyRecord, (any_record) => {
        // Its keys are ours, and never such that they become the same, or numbers.
        const { detail, ...record } = any_record
        const line = jsonLine(record)
        const parsed = parseJsonRecord(line)
        expect(parsed && jsonLine(parsed)).toBe(line)
      }),
    )
  })

  it.each(['', '{}', 'null', '{"v":1', '[1]', jsonLine(sample_records['a read']).slice(0, -1)])(
    'takes %j for no record',
    (line) => {
      expect(parseJsonRecord(line)).toBeUndefined()
    },
  )
})

describe('the CSV format', () => {
  it('gives the columns that COPY would', () => {
    const column = fc.option(fc.string({ unit: 'binary' }), { nil: null })
    fc.assert(
      fc.property(fc.array(column, { minLength: 2 }), (columns) => {
        const line = columns.map(csvColumn).join(',')
        expect(csvColumns(line)).toEqual(readCsv(line)[0])
      }),
    )
  })

  it('takes a damaged line for what it is', () => {
    expect(csvColumns('a,"b')).toEqual(['a', 'b'])
    expect(csvColumns('a,"b"c,d')).toEqual(['a', 'b', 'd'])
    expect(csvColumns('')).toEqual([null])
    expect(parseCsvRow('AUDIT: SESSION,a,b')).toBeUndefined()
    expect(parseCsvRow(`no header${','.repeat(17)}`)).toBeUndefined()
  })

  it.each(['UTC', 'Asia/Tokyo', 'America/St_Johns'])('reads the time of %s', (zone) => {
    const record = sample_records['a read']
    const row = parseCsvRow(renderCsv(record, zone))
    const parsed = row && recordOfRow(row)
    expect(parsed).toMatchObject({
      time_us: Math.floor(record.time_us / 1000) * 1000,
      class: 'READ',
      command: 'SELECT',
      outcome: 'success',
      session: { id: 7, pid: 19_944, user: 'appuser', client_ip: '198.51.100.7' },
      objects: [{ name: 'myschema.account', type: 'TABLE', class: 'READ' }],
      statement: { id: 2, text: 'SELECT * FROM account' },
    })
  })

  it('tells failures', () => {
    const row = parseCsvRow(
      renderCsv(sampleRecords().get('a failure') ?? sample_records['a read'], 'UTC'),
    )
    expect(row && recordOfRow(row)).toMatchObject({ class: 'ERROR', outcome: 'failure' })
  })
})

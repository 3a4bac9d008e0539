import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { csv_columns, renderCsv } from '../../src/record/csv-format.js'
import { renderHead, renderJson } from '../../src/record/json-format.js'
import { describeDetails } from './describe-detail.js'
import { json_keys } from './json-keys.js'
import { sampleRecords } from './sample-records.js'

const page_path = new URL('../../docs/records.md', import.meta.url)
const page = readFileSync(page_path, 'utf8')
const details_mark = '<!-- details -->\n\n'

/** What stands between a mark and the next heading or mark. */
function section(mark: string): string {
  const [, rest = ''] = page.split(`<!-- ${mark} -->\n`)
  return rest
}

/** The examples of one language: names of the samples, and the text. */
function examples(language: string): { names: string[]; text: string }[] {
  const form = new RegExp(`<!-- example: ([^\\n]*) -->\n\`\`\`${language}\n(.*?)^\`\`\``, 'gms')
  return Array.from(page.matchAll(form), ([, names = '', text = '']) => ({
    names: names.split(', '),
    text,
  }))
}

function records(names: string[]) {
  const samples = sampleRecords()
  return names.map((name) => {
    const record = samples.get(name)
    if (record === undefined) throw new Error(`no sample is named ${name}`)
    return record
  })
}

describe('docs/records.md', () => {
  it('lists the keys of the JSON format in their order', () => {
    const [table = ''] = section('keys').split('\n\n')
    expect(Array.from(table.matchAll(/^\| `(\w+)` \|/gm), ([, key]) => key)).toEqual(json_keys)
  })

  it('lists the columns of the CSV format in their order', () => {
    const [table = ''] = section('columns').split('\n\n')
    const rows = Array.from(table.matchAll(/^\| (\d+) \| `(\w+)` \|/gm), ([, number, name]) => [
      Number(number),
      name,
    ])
    expect(rows).toEqual(csv_columns.map((name, index) => [index + 1, name]))
  })

  it('shows JSON as it is written', () => {
    const [example, ...others] = examples('json')
    const [record] = records(example?.names ?? [])
    expect(others).toEqual([])
    const line = record && renderHead('5f2c', 1, 1) + renderJson(record, 'core-db-1')
    expect(JSON.stringify(JSON.parse(example?.text ?? ''))).toBe(line)
  })

  it('shows CSV as it is written', () => {
    const [example, ...others] = examples('csv')
    expect(others).toEqual([])
    const lines = records(example?.names ?? []).map((record) => renderCsv(record, 'Asia/Tokyo'))
    expect(example?.text).toBe(`${lines.join('\n')}\n`)
  })

  /** To make the page anew from the program: `UPDATE_DOCS=1 npx vitest run test/record`. */
  it('has the details of the program', () => {
    if (process.env['UPDATE_DOCS'] === '1') {
      const [before = ''] = page.split(details_mark)
      writeFileSync(page_path, `${before}${details_mark}${describeDetails()}\n`)
      return
    }
    expect(section('details').trim()).toBe(describeDetails())
  })
})

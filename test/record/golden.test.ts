import { describe, expect, it } from 'vitest'
import { renderCsv } from '../../src/record/csv-format.js'
import { renderHead, renderJson } from '../../src/record/json-format.js'
import { sampleRecords } from './sample-records.js'

/**
 * The lines that readers of the trail depend on. A change here changes a published format: write
 * the files anew with `vitest run -u` only when that is meant.
 */
describe('golden lines', () => {
  const records = [...sampleRecords().values()]

  it('json', async () => {
    const lines = records.map(
      (record, index) => renderHead('5f2c', 1, index + 1) + renderJson(record, 'core-db-1'),
    )
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('../golden/records.jsonl')
  })

  it('csv', async () => {
    const lines = records.map((record) => renderCsv(record, 'Asia/Tokyo'))
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('../golden/records.csv')
  })
})

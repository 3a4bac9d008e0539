import { describe, expect, it } from 'vitest'
import { detail_schemas, isDetailCommand } from '../../src/record/detail.js'
import { describeDetails } from './describe-detail.js'
import { sampleRecords } from './sample-records.js'

describe('details', () => {
  it('of the sample records are as their command says', () => {
    let checked = 0
    for (const { command, detail } of sampleRecords().values()) {
      if (detail === undefined || !isDetailCommand(command)) continue
      expect(detail_schemas[command].parse(detail)).toEqual(detail)
      checked++
    }
    expect(checked).toBeGreaterThan(3)
  })

  it('with a key of another event are refused', () => {
    expect(
      detail_schemas.disconnection.safeParse({ session_time_us: 1, reason: 'x', next: 'x' })
        .success,
    ).toBe(false)
    expect(detail_schemas['audit.rotate'].safeParse({ event: 'closed' }).success).toBe(false)
  })

  it('are described, each key with its meaning', () => {
    const rows = describeDetails()
      .split('\n')
      .filter((line) => line.startsWith('| `'))
    expect(rows.length).toBeGreaterThan(30)
    for (const row of rows) expect(row).toMatch(/^\| `[a-z_0-9.]+` \| .+ \| .+ \|$/)
  })
})

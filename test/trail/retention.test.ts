import { describe, expect, it } from 'vitest'
import { expiredFiles, type StoredFile } from '../../src/trail/retention.js'

const hour_ms = 3_600_000

/** Four files, opened an hour apart, the last one open. */
const files: StoredFile[] = [1, 2, 3, 4].map((number) => ({
  name: `file-${number}`,
  number,
  created_ms: number * hour_ms,
  bytes: number * 100,
}))

function numbers(retain: Parameters<typeof expiredFiles>[1], now_ms: number): number[] {
  return expiredFiles(files, retain, now_ms).map(({ number }) => number)
}

describe('retention', () => {
  it('keeps everything that was not asked to go', () => {
    expect(numbers({}, 1000 * hour_ms)).toEqual([])
  })

  it('counts the age of a file from its last record, not from its first', () => {
    // File 1 was closed when file 2 was opened, at hour 2.
    expect(numbers({ age_ms: hour_ms }, 3 * hour_ms)).toEqual([])
    expect(numbers({ age_ms: hour_ms }, 3 * hour_ms + 1)).toEqual([1])
    expect(numbers({ age_ms: hour_ms }, 4 * hour_ms + 1)).toEqual([1, 2])
  })

  it('keeps a number of files, the open one included', () => {
    expect(numbers({ files: 2 }, 0)).toEqual([1, 2])
    expect(numbers({ files: 4 }, 0)).toEqual([])
  })

  it('keeps the newest files that fit a size', () => {
    expect(numbers({ size_bytes: 1000 }, 0)).toEqual([])
    expect(numbers({ size_bytes: 899 }, 0)).toEqual([1, 2])
    expect(numbers({ size_bytes: 700 }, 0)).toEqual([1, 2])
  })

  it('never takes the open file', () => {
    expect(numbers({ files: 1, size_bytes: 1, age_ms: 1 }, 1000 * hour_ms)).toEqual([1, 2, 3])
    expect(expiredFiles([], { files: 1 }, 0)).toEqual([])
  })

  it('names the reason', () => {
    const reasons = expiredFiles(files, { age_ms: hour_ms, files: 2 }, 3 * hour_ms + 1)
    expect(reasons.map(({ number, reason }) => [number, reason])).toEqual([
      [1, 'age'],
      [2, 'files'],
    ])
  })
})

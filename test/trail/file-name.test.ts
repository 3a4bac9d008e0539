import { describe, expect, it } from 'vitest'
import { auditFileName, auditFiles, parseAuditFileName } from '../../src/trail/file-name.js'

const created_ms = Date.parse('2026-11-21T22:06:01Z')

describe('file name', () => {
  it('holds the time of creation in UTC and the number', () => {
    expect(auditFileName(created_ms, 42)).toBe('audit-2026-11-21_220601Z-0042.log')
  })

  it('is read back', () => {
    for (const number of [1, 42, 9_999, 10_000, 1_234_567]) {
      const name = auditFileName(created_ms, number)
      expect(parseAuditFileName(name)).toEqual({ name, created_ms, number })
    }
  })

  it('is told from everything else in the directory', () => {
    for (const name of [
      'current',
      'trail.id',
      'audit-2026-11-21_220601Z-0042.log.torn',
      'audit-2026.log',
    ]) {
      expect(parseAuditFileName(name)).toBeUndefined()
    }
  })

  it('sorts by number, beyond four digits too', () => {
    const names = [10_000, 2, 9_999].map((number) => auditFileName(created_ms, number))
    expect(auditFiles([...names, 'current']).map(({ number }) => number)).toEqual([
      2, 9_999, 10_000,
    ])
  })
})

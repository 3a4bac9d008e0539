import fs from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readTrail } from '../../src/trail/read-trail.js'
import { RecordScanner } from '../../src/trail/record-scanner.js'
import { removeDirectory, scratchDirectory } from './trail-fixture.js'

let directory: string

beforeEach(() => {
  directory = scratchDirectory()
})

afterEach(() => {
  removeDirectory(directory)
})

async function read(): Promise<[string, string][]> {
  const lines: [string, string][] = []
  for await (const { file, line } of readTrail(directory)) lines.push([file, line])
  return lines
}

describe('record scanner', () => {
  it('finds the ends of records wherever the chunks are cut', () => {
    const records = fc.oneof(
      fc.array(
        fc.json().map((value) => `{"v":1,"x":${value.replaceAll('\n', ' ')}}`),
        { minLength: 1 },
      ),
      fc.array(
        fc
          .array(
            fc.string().map((value) => `"${value.replaceAll('"', '""')}\n"`),
            { minLength: 1 },
          )
          .map((columns) => `AUDIT: SESSION,${columns.join(',')}`),
        { minLength: 1 },
      ),
    )
    fc.assert(
      fc.property(records, fc.integer({ min: 1, max: 50 }), (texts, size) => {
        const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(''))
        const scanner = new RecordScanner()
        const ends: number[] = []
        for (let at = 0; at < bytes.length; at += size) {
          ends.push(...scanner.ends(bytes.subarray(at, at + size)).map((end) => at + end))
        }
        const found = ends.map((end, index) =>
          bytes.subarray(ends[index - 1] ?? 0, end - 1).toString(),
        )
        expect(found).toEqual(texts)
      }),
    )
  })
})

describe('reading a trail', () => {
  it('gives the records of all files in order, without a torn end and without what is not ours', async () => {
    const name = (number: number): string => `audit-2026-11-21_220601Z-${number}.log`
    fs.writeFileSync(join(directory, name(10001)), '{"n":3}\n{"n":4}\n{"n":')
    fs.writeFileSync(join(directory, name(9999)), '{"n":1}\n{"n":2}\n')
    fs.writeFileSync(join(directory, 'other.log'), '{"n":9}\n')
    fs.symlinkSync('other.log', join(directory, name(10002)))
    expect(await read()).toEqual([
      [name(9999), '{"n":1}'],
      [name(9999), '{"n":2}'],
      [name(10001), '{"n":3}'],
      [name(10001), '{"n":4}'],
    ])
  })

  it('gives CSV records whole, and long ones too', async () => {
    const name = 'audit-2026-11-21_220601Z-0001.log'
    const long = `AUDIT: SESSION,"${'line\n'.repeat(200_000)}"`
    fs.writeFileSync(join(directory, name), `AUDIT: SESSION,"a\nb"\n${long}\nAUDIT: OBJECT,c\n`)
    expect((await read()).map(([, line]) => line)).toEqual([
      'AUDIT: SESSION,"a\nb"',
      long,
      'AUDIT: OBJECT,c',
    ])
  })
})

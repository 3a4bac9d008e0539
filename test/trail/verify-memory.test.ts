import fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { runVerify, writeLongTrail } from '../support/long-trail.js'
import { fileNames, removeDirectory, scratchDirectory } from './trail-fixture.js'

const mebibyte = 1024 * 1024

let small: string
let large: string

beforeEach(() => {
  small = scratchDirectory()
  large = scratchDirectory()
})

afterEach(() => {
  removeDirectory(small)
  removeDirectory(large)
})

/** What V8 allows itself before it collects differs from run to run. */
const noise_bytes = 50 * mebibyte

it.each(['json', 'csv'] as const)(
  'the memory of verify does not grow with the trail: %s',
  async (format) => {
    writeLongTrail(small, format, 8 * mebibyte)
    const records = writeLongTrail(large, format, 60 * mebibyte)
    const of_small = await runVerify(small)
    const of_large = await runVerify(large)
    expect(of_small.stdout).toMatch(/\nINTACT\n$/)
    expect(of_large.stdout).toMatch(/\nINTACT\n$/)
    expect(Number(/ (\d+) records/.exec(of_large.stdout)?.[1])).toBeGreaterThan(records)
    expect(of_large.stderr).toContain('verifying: 100 % (')
    expect(of_large.max_rss_bytes).toBeLessThan(of_small.max_rss_bytes + noise_bytes)
  },
)

it('the memory of verify does not grow with a record that has no end', async () => {
  writeLongTrail(small, 'csv', mebibyte)
  writeLongTrail(large, 'csv', 120 * mebibyte)
  const [name = ''] = fileNames(large)
  const fd = fs.openSync(join(large, name), 'r+')
  // From the first quote within the text on, all is quoted that was not, and one record.
  const head = Buffer.alloc(8_192)
  fs.readSync(fd, head, 0, head.length, 0)
  fs.writeSync(fd, 'x', head.indexOf('"', head.indexOf('UPDATE pgbench')))
  fs.closeSync(fd)
  const of_small = await runVerify(small)
  const of_large = await runVerify(large)
  expect(of_large.status).toBe(1)
  expect(of_large.stdout).toContain(`altered: ${name}`)
  expect(of_large.max_rss_bytes).toBeLessThan(of_small.max_rss_bytes + noise_bytes)
})

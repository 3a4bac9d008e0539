import fs from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openTrail } from '../../src/trail/file-trail.js'
import { type FollowedLine, followTrail } from '../../src/trail/follow-trail.js'
import { readTrail } from '../../src/trail/read-trail.js'
import { RepeatFilter } from '../../src/trail/repeat-filter.js'
import {
  body,
  fileNames,
  removeDirectory,
  scratchDirectory,
  trailOptions,
  WriterHarness,
} from './trail-fixture.js'

const log = { info: () => {}, warn: () => {}, error: () => {} }
let directory: string
let end: AbortController

beforeEach(() => {
  directory = scratchDirectory()
  end = new AbortController()
})

afterEach(() => {
  end.abort()
  removeDirectory(directory)
  removeDirectory(`${directory}.server.log`)
})

/** Follows in the background; `until` waits for what has come. */
function following(first_number = 0): {
  readonly lines: FollowedLine[]
  until(done: (lines: readonly FollowedLine[]) => boolean): Promise<readonly string[]>
} {
  const lines: FollowedLine[] = []
  let wake = () => {}
  let failure: unknown
  const run = async () => {
    for await (const line of followTrail({
      ...{ directory, first_number, follow: true, signal: end.signal },
    })) {
      lines.push(line)
      wake()
    }
  }
  run().catch((error: unknown) => {
    failure = error
    wake()
  })
  return {
    lines,
    async until(done) {
      while (!done(lines)) {
        if (failure !== undefined) throw failure
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      return lines.map(({ line }) => line)
    },
  }
}

async function stored(): Promise<string[]> {
  const lines: string[] = []
  for await (const { line } of readTrail(directory)) lines.push(line)
  return lines
}

function nameOf(number: number, second = '01'): string {
  return `audit-2026-11-21_2206${second}Z-000${number}.log`
}

function record(seq: number, command = 'x'): string {
  const class_ = command.startsWith('audit.') ? 'AUDIT' : 'MISC'
  return `{"v":1,"trail":"abcdefgh","epoch":1,"seq":${seq},"class":"${class_}","command":"${command}"}`
}

describe('a live trail', () => {
  it('gives each record once, over rotations and restarts of the writer', async () => {
    const followed = following()
    const options = trailOptions(directory, { rotate: { age_ms: 0, size_bytes: 8 * 1024 } })
    let written = 0
    for (let start = 0; start < 3; start++) {
      const trail = await openTrail(options, log)
      for (let n = 1; n <= 3_000; n++) {
        while (!trail.append(body(n, 'x'.repeat(n % 90)))) {
          await new Promise<void>((resolve) => trail.when_writable(resolve))
        }
        if (n % 50 === 0) await trail.flush()
      }
      written += 3_000
      await trail.close('restart')
    }
    const stops = (all: readonly FollowedLine[]) =>
      all.filter(({ line }) => line.includes('"audit.stop"')).length
    const is_seal = (line = '') => line.includes('"closing":true')
    const lines = await followed.until((all) => stops(all) === 3 && is_seal(all.at(-1)?.line))
    const expected = await stored()
    expect(lines.length).toBe(expected.length)
    expect(lines.every((line, index) => line === expected[index])).toBe(true)
    expect(lines.filter((line) => line.includes('"n":')).length).toBe(written)
    expect(fileNames(directory).length).toBeGreaterThan(50)
  })

  it('gives records once when a file fails and they are written again', async () => {
    let failing = false
    const disk = {
      ...fs,
      fsyncSync(fd: number) {
        if (failing) throw Object.assign(new Error('EIO: no luck'), { code: 'EIO' })
        fs.fsyncSync(fd)
      },
    }
    const harness = new WriterHarness(trailOptions(directory), { disk }).start()
    const followed = following()
    harness.append(1, 3)
    harness.pass(6_000)
    harness.append(4, 6)
    failing = true
    harness.pass(30)
    await followed.until((all) => all.some(({ line }) => line.includes('"n":6,')))
    // The sync fails, so that what is in the file already goes to the next one as well.
    harness.pass(60)
    failing = false
    harness.pass(10_000)
    harness.append(7, 8)
    harness.close()
    const lines = await followed.until((all) => (all.at(-1)?.line ?? '').includes('"closing":true'))
    const numbers = lines.flatMap((line) => /"n":(\d+),/.exec(line)?.[1] ?? [])
    expect(numbers).toEqual(['1', '2', '3', '4', '5', '6', '7', '8'])
    const repeated = (await stored()).filter((line) => line.includes('"n":5,'))
    expect(repeated.length).toBe(2)
  })
})

describe('files that grow', () => {
  it('waits for the end of a record, and of the file before the next', async () => {
    const first = join(directory, nameOf(1))
    fs.writeFileSync(first, `${record(1)}\n${record(2).slice(0, 30)}`)
    const followed = following()
    await followed.until((all) => all.length === 1)
    fs.appendFileSync(first, record(2).slice(30))
    // A rotation makes the next file before it closes this one.
    fs.writeFileSync(join(directory, nameOf(2)), '')
    fs.appendFileSync(first, `\n${record(3, 'audit.rotate')}\n`)
    fs.appendFileSync(join(directory, nameOf(2)), `${record(4, 'audit.rotate')}\n`)
    const lines = await followed.until((all) => all.length === 4)
    expect(lines).toEqual([
      record(1),
      record(2),
      record(3, 'audit.rotate'),
      record(4, 'audit.rotate'),
    ])
  })

  it('passes over an empty file, a torn end, and what only bears such a name', async () => {
    fs.writeFileSync(join(directory, nameOf(1)), `${record(1)}\n{"v":1,"tr`)
    fs.writeFileSync(join(directory, nameOf(2)), '')
    fs.symlinkSync(nameOf(1), join(directory, nameOf(3)))
    fs.writeFileSync(join(directory, nameOf(4)), `${record(2, 'audit.start')}\n`)
    const lines = await following().until((all) => all.length === 2)
    expect(lines).toEqual([record(1), record(2, 'audit.start')])
  })

  it('goes on with a trail that was begun anew in its place', async () => {
    fs.writeFileSync(join(directory, nameOf(7)), `${record(1)}\n`)
    const followed = following()
    await followed.until((all) => all.length === 1)
    removeDirectory(directory)
    fs.mkdirSync(directory)
    const anew = record(1).replace('abcdefgh', 'ijklmnop')
    fs.writeFileSync(join(directory, nameOf(1, '05')), `${anew}\n`)
    expect(await followed.until((all) => all.length === 2)).toEqual([record(1), anew])
  })

  it('begins with the file that is asked for, and ends without following', async () => {
    for (const number of [1, 2, 3]) {
      fs.writeFileSync(join(directory, nameOf(number)), `${record(number)}\n`)
    }
    const lines: string[] = []
    const options = { directory, first_number: 2, follow: false, signal: end.signal }
    for await (const { line } of followTrail(options)) lines.push(line)
    expect(lines).toEqual([record(2), record(3)])
  })

  it('says that there is no such directory', async () => {
    removeDirectory(directory)
    const options = { directory, follow: true, signal: end.signal }
    await expect(followTrail(options).next()).rejects.toThrow('ENOENT')
  })
})

describe('repeats', () => {
  it('are known by their numbers alone, whatever the order behind a failure', () => {
    const numbers = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 80 })
    fc.assert(
      fc.property(numbers, (seqs) => {
        const filter = new RepeatFilter()
        filter.beginFile()
        filter.isNew(record(20, 'audit.recovered'))
        const seen = new Set([20])
        for (const seq of seqs) {
          expect(filter.isNew(record(seq))).toBe(!seen.has(seq))
          seen.add(seq)
        }
      }),
    )
  })

  it('are shown where nothing accounts for them', () => {
    const filter = new RepeatFilter()
    filter.beginFile()
    const given = [record(1, 'audit.start'), record(2), record(2)].map((line) => filter.isNew(line))
    expect(given).toEqual([true, true, true])
  })
})

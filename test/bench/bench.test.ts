import { appendFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { judgeAims } from './parts/aims.js'
import { compareResults } from './parts/compare.js'
import { readOptions } from './parts/options.js'
import { readPgbench } from './parts/pgbench.js'
import { MachineLoad, memoryOf, usageOf } from './parts/process-usage.js'
import { markdownReport, plainReport } from './parts/report.js'
import type { Cell, Results, Run } from './parts/results.js'
import { quantile, ratioOf, spreadOf } from './parts/statistics.js'
import { TrailCount } from './parts/trail-count.js'

function cell(variant: string, rates: readonly number[], more: Partial<Cell> = {}): Cell {
  const runs = rates.map((rate): Run => ({ rate, transactions: rate, cpu_us: 10 }))
  return { workload: 'simple', clients: 8, variant, unit: 'tx/s', runs, ...more }
}

function results(cells: readonly Cell[], more: Partial<Results> = {}): Results {
  return {
    made: '2026-11-22T00:00:00.000Z',
    machine: { processors: 2 },
    settings: { rounds: 3 },
    variants: {},
    missing: {},
    cells,
    idle: [],
    warnings: [],
    ...more,
  }
}

describe('statistics', () => {
  test('median, least and greatest', () => {
    expect(spreadOf([5, 1, 3])).toEqual({ median: 3, min: 1, max: 5 })
    expect(spreadOf([1, 2])?.median).toBe(1.5)
    expect(spreadOf([])).toBeUndefined()
    expect(quantile([0, 10], 0.99)).toBeCloseTo(9.9)
  })

  test('ratios are taken within a round, whatever the rounds are like', () => {
    // The machine is ten times as slow in the second round; the ratio stays.
    expect(ratioOf([90, 9, 90], [100, 10, 100])).toEqual({ median: 0.9, min: 0.9, max: 0.9 })
    expect(ratioOf([1], [0])).toBeUndefined()
  })
})

describe('options', () => {
  test('a short run, a filter, another build', () => {
    const options = readOptions(['--quick', '--only', 'simple,tpcb/relaying', '--former', '/tmp/a'])
    expect(options).toMatchObject({ clients: [8], rounds: 2, seconds: 1, former: ['/tmp/a'] })
    expect(options).toMatchObject({ workloads: ['simple', 'tpcb'], variants: ['relaying'] })
    expect(readOptions(['--clients', '1,256'])?.clients).toEqual([1, 256])
    expect(readOptions(['--help'])).toBeUndefined()
  })

  test.each([['--clients', '0'], ['--rounds', 'x'], ['--nonsense'], ['--quick', '--full']])(
    'refuses %s %s',
    (...line) => {
      expect(() => readOptions(line.filter((word) => word !== undefined))).toThrow()
    },
  )
})

describe('what pgbench says', () => {
  const said =
    'number of transactions actually processed: 1234\nnumber of failed transactions: 0 (0.000%)\n'

  test('transactions and their rate', () => {
    const text = `${said}latency average = 1 ms\ntps = 411.333 (without initial connection time)\n`
    expect(readPgbench(text)).toEqual({ transactions: 1234, rate: 411.333 })
  })

  test('nothing done at all is a rate of nothing', () => {
    expect(readPgbench(said.replace('1234', '0'))).toEqual({ transactions: 0, rate: 0 })
  })

  test('failures are no measurement', () => {
    expect(() => readPgbench(said.replace(': 0', ': 3'))).toThrow(/failures/)
    expect(() => readPgbench('pgbench: error')).toThrow(/pgbench said/)
  })
})

describe('aims', () => {
  const outcome = (rate: number) =>
    judgeAims(results([cell('relaying', [100]), cell('recording', [rate])]))[0]

  test('met, nearly and missed', () => {
    expect(outcome(98)).toMatchObject({ verdict: 'met', wanted: '≥ 0.95, then 0.98' })
    expect(outcome(96)).toMatchObject({ verdict: 'nearly' })
    expect(outcome(90)).toMatchObject({ verdict: 'missed', seen: '0.90 (simple, 8)' })
  })

  test('the weakest measurement decides', () => {
    const more = { clients: 32 }
    const cells = [cell('relaying', [100]), cell('recording', [99])]
    const others = [cell('relaying', [100], more), cell('recording', [80], more)]
    const [first] = judgeAims(results([...cells, ...others]))
    expect(first).toMatchObject({ verdict: 'missed', seen: '0.80 (simple, 32), at best 0.99' })
  })

  test('what was not measured is not met', () => {
    const verdicts = judgeAims(results([])).map(({ verdict }) => verdict)
    expect(new Set(verdicts)).toEqual(new Set(['not measured']))
  })

  test('memory', () => {
    const idle = [{ variant: 'recording', sessions: 10, bytes_per_session: 33 * 1024 }]
    expect(judgeAims(results([], { idle })).at(-1)).toMatchObject({ verdict: 'missed' })
  })
})

describe('comparison', () => {
  const before = results([cell('direct', [100, 100, 100]), cell('recording', [80, 81, 79])])
  const against = (rates: readonly number[]) =>
    compareResults(
      before,
      results([cell('direct', [50, 50, 50]), cell('recording', rates)]),
    ).filter(({ what }) => what.endsWith('÷ direct'))

  test('another machine is no change, a lower ratio is', () => {
    expect(against([40, 40.5, 39.5]).map(({ verdict }) => verdict)).toEqual(['same'])
    expect(against([30, 31, 29])[0]).toMatchObject({ verdict: 'worse', before: 0.8, now: 0.6 })
    expect(against([48, 49, 47])[0]).toMatchObject({ verdict: 'better' })
  })

  test('what the rounds themselves differ by is no change', () => {
    expect(against([30, 45, 30])[0]).toMatchObject({ verdict: 'same' })
  })
})

describe('report', () => {
  const counted = (found: number): Cell =>
    cell('recording', [], {
      runs: [{ rate: 90, transactions: 100, p99_us: 1234, recorded: { found, expected: 100 } }],
    })

  test('a table for each workload and number of clients, in plain words and in Markdown', () => {
    const all = results([cell('direct', [100]), counted(100)], { missing: { pgpool: 'apt-get …' } })
    expect(plainReport(all)).toMatch(/recording +90 +90–90 +0\.90 \(0\.90–0\.90\) .*all 100$/m)
    expect(plainReport(all)).toContain('pgpool: apt-get …')
    expect(markdownReport(all)).toContain('| recording | 90 | 90–90 | 0.90 (0.90–0.90) |')
  })

  test('missing and surplus records catch the eye', () => {
    expect(plainReport(results([counted(99)]))).toContain('WRONG in 1 of 1 runs')
    expect(plainReport(results([counted(101)]))).toContain('WRONG in 1 of 1 runs')
  })
})

describe('the trail', () => {
  const line = (application: string, text: string, outcome = 'success') =>
    `${JSON.stringify({ outcome, session: { application }, statement: { text } })}\n`

  test('each record counts once, of its own run alone, and full files go', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'pgwitness-count-'))
    const file = (number: number) => join(directory, `audit-2026-11-22_000000Z-000${number}.log`)
    try {
      const count = new TrailCount(directory)
      const wanted = { application: 'bench-1', texts: ['SELECT'], count: 2 }
      writeFileSync(file(1), line('bench-1', 'SELECT 1') + line('bench-10', 'SELECT 1'))
      appendFileSync(file(1), line('bench-1', 'SELECT 2', 'failure') + line('bench-1', 'VACUUM'))
      writeFileSync(file(2), line('bench-1', 'SELECT "bench-2"'))
      appendFileSync(file(2), '{"half of a line')
      expect(await count.expect(wanted)).toBe(2)
      expect(readdirSync(directory)).toHaveLength(1)
      expect(await count.expect({ ...wanted, count: 0 })).toBe(0)
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
})

describe.skipIf(process.platform !== 'linux')('use of the machine (Linux only)', () => {
  test('processor time and memory of a process', () => {
    const before = usageOf(process.pid)
    const load = new MachineLoad()
    const used_us = () => (usageOf(process.pid)?.main_cpu_us ?? 0) - (before?.main_cpu_us ?? 0)
    expect(before).toBeDefined()
    // As long as it takes to be given so much time: others may be at work.
    const end_ms = performance.now() + 30_000
    while (used_us() < 20_000 && performance.now() < end_ms);
    expect(used_us()).toBeGreaterThanOrEqual(20_000)
    expect(memoryOf(process.pid)).toBeGreaterThan(10 * 1024 * 1024)
    expect(load.take()).toBeGreaterThan(0)
    expect(usageOf(2 ** 30)).toBeUndefined()
  })
})

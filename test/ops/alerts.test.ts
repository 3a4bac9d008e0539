import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type ProxyUnderTest, startProxy } from '../support/proxy.js'

/** Prometheus' format of rule files, those parts that are used here. */
const rule_file = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string().regex(/^Pgwitness[A-Za-z]+$/),
          expr: z.string(),
          for: z
            .string()
            .regex(/^\d+[smh]$/)
            .optional(),
          labels: z.strictObject({ severity: z.enum(['critical', 'warning']) }),
          annotations: z.strictObject({ summary: z.string(), description: z.string() }),
        }),
      ),
    }),
  ),
})

const text = readFileSync(new URL('../../config/pgwitness-alerts.yml', import.meta.url), 'utf8')
const rules = rule_file.parse(parse(text)).groups.flatMap((group) => group.rules)

let postgres: ScratchPostgres
let proxy: ProxyUnderTest
let page: string

async function readPage(): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${proxy.app.admin_port}/metrics`)).text()
}

function value(metric: string, of = page): number {
  const line = of.split('\n').find((one) => one.startsWith(`${metric} `))
  if (line === undefined) throw new Error(`no ${metric}`)
  return Number(line.slice(metric.length + 1))
}

beforeAll(async () => {
  postgres = await startPostgres()
  proxy = await startProxy(postgres, { admin: { port: 0 } })
  await proxy.catalogKnown()
  const client = await proxy.client()
  await client.query('SELECT 1 AS one')
  await client.query('SELECT 2 AS one')
  await client.query('CREATE TABLE metrics_t (a int)')
  await client.query('SELECT FROM nowhere').catch(() => {})
  await proxy.recordsUntil((all) => all.some(({ sqlstate }) => sqlstate === '42P01'))
  page = await readPage()
})

afterAll(async () => {
  await proxy.finish()
  await postgres.stop()
})

describe('the metrics', () => {
  test.each([
    ['sessions', 'pgwitness_sessions', 1, 1],
    [
      'statements by class and outcome',
      'pgwitness_statements_total{class="DDL",outcome="success"}',
      1,
      1,
    ],
    ['failures', 'pgwitness_statements_total{class="READ",outcome="failure"}', 1, 1],
    ['records', 'pgwitness_records_total{stage="acknowledged"}', 6, 1_000],
    ['queue bytes', 'pgwitness_trail_queued_bytes', 0, 2 ** 20],
    ['the bound of the queue', 'pgwitness_trail_queue_capacity_bytes', 2 ** 20, 2 ** 30],
    ['age of the oldest unsaved record', 'pgwitness_trail_oldest_unsaved_seconds', 0, 60],
    ['fsync count', 'pgwitness_trail_fsync_seconds_count', 2, 1_000],
    ['fsync time', 'pgwitness_trail_fsync_seconds_sum', 0.000_001, 600],
    ['fsync classes', 'pgwitness_trail_fsync_seconds_bucket{le="+Inf"}', 2, 1_000],
    ['fallbacks', 'pgwitness_trail_fallbacks_total', 0, 0],
    ['where records go', 'pgwitness_trail_mode{mode="file"}', 1, 1],
    ['catalog age', 'pgwitness_catalog_age_seconds{database="postgres"}', 0, 600],
    ['cache hits', 'pgwitness_text_lookups_total{known_by="shape"}', 1, 1_000],
    ['cache misses', 'pgwitness_text_lookups_total{known_by="nothing"}', 3, 1_000],
    ['parser disagreements', 'pgwitness_analysis_mismatches_total', 0, 0],
    ['refused input', 'pgwitness_refused_total{sqlstate="08P01"}', 0, 0],
    ['reloads', 'pgwitness_config_reloads_total{result="success"}', 0, 0],
    ['memory', 'process_resident_memory_bytes', 2 ** 20, 2 ** 34],
  ])('have %s', (_, metric, least, most) => {
    expect(value(metric)).toBeGreaterThanOrEqual(least)
    expect(value(metric)).toBeLessThanOrEqual(most)
  })

  test('are in the order and form that Prometheus reads', () => {
    for (const line of page.split('\n')) {
      expect(line).toMatch(/^$|^# (HELP|TYPE) \w+ .|^\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? \S+$/)
    }
    const names = [...page.matchAll(/^# TYPE (\w+) (\w+)$/gm)]
    for (const [, name, type] of names) {
      if (name?.startsWith('pgwitness_')) expect(name.endsWith('_total')).toBe(type === 'counter')
    }
  })

  test('count what is refused', async () => {
    const response = await fetch(`http://127.0.0.1:${proxy.port}/`).catch(() => undefined)
    expect(response).toBeUndefined()
    while (value('pgwitness_refused_total{sqlstate="08P01"}', await readPage()) !== 1) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })
})

describe('the alert rules', () => {
  test('have names of their own, and there are some', () => {
    const names = rules.map(({ alert }) => alert)
    expect(names.length).toBeGreaterThan(15)
    expect(new Set(names).size).toBe(names.length)
  })

  test('are in docs/running.md, where they are critical', () => {
    const doc = readFileSync(new URL('../../docs/running.md', import.meta.url), 'utf8')
    const rows = doc.split('\n').filter((line) => line.startsWith('| `Pgwitness'))
    const told = rows.flatMap((line) =>
      [...line.matchAll(/`(Pgwitness\w+)`/g)].map(([, name]) => name),
    )
    const critical = rules.filter(({ labels }) => labels.severity === 'critical')
    expect(told.toSorted()).toEqual(critical.map(({ alert }) => alert).toSorted())
  })

  test.each(rules.map((rule) => [rule.alert, rule] as const))(
    '%s asks for what there is',
    (_, rule) => {
      const { expr, annotations } = rule
      const selectors = [...expr.matchAll(/\b((?:pgwitness_\w+|up))(\{[^}]*\})?/g)]
      expect(selectors.length).toBeGreaterThan(0)
      for (const [, name = '', matchers] of selectors) {
        // This one is Prometheus' own.
        if (name === 'up') continue
        const lines = page.split('\n').filter((line) => line.split(/[ {]/)[0] === name)
        const wanted = matchers?.slice(1, -1) ?? ''
        const found = lines.filter((line) => line.includes(wanted))
        expect(found, `${name}${matchers ?? ''}`).not.toEqual([])
        // A label that a text names comes with the metric.
        const labels = [
          ...Object.values(annotations)
            .join(' ')
            .matchAll(/\$labels\.(\w+)/g),
        ]
        for (const [, label = ''] of labels) {
          if (label !== 'instance') expect(found[0]).toContain(`${label}="`)
        }
      }
      // What is left without selectors and figures are functions and operators of PromQL.
      const rest = expr.replaceAll(
        /\b(?:pgwitness_\w+|up)\b|\{[^}]*\}|\[\d+[mh]\]|\b\d+(\.\d+)?\b/g,
        '',
      )
      expect(rest).toMatch(/^(?:increase|rate|histogram_quantile|or|[\s(),/<>=])+$/)
      expect(rest.split('(').length).toBe(rest.split(')').length)
    },
  )
})

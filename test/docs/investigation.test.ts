import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { versionOf } from '../support/client-tools.js'
import { startPostgres } from '../support/postgres.js'
import { blocksOf } from './page-blocks.js'
import { type SampleTrail, writeSampleTrail } from './sample-trail.js'

/** The investigation of docs/reading.md, in jq and in SQL, over a trail that has something to find. */

const blocks = blocksOf('docs/reading.md')
const recipes = (heading: string, language: string): readonly string[] =>
  blocks
    .filter((block) => block.heading === heading && block.language === language)
    .map(({ text }) => text)

let trail: SampleTrail

beforeAll(async () => {
  trail = await writeSampleTrail('json')
})

afterAll(() => trail.remove())

const night = '2026-11-22T03:12:07.500000Z'
const update = "UPDATE account SET description = 'paid' WHERE id = 77"

describe.skipIf(versionOf('jq') === undefined)('in jq (skips without it)', () => {
  const [logins, both, session] = recipes('An investigation', 'sh')

  function lines(script: string | undefined): readonly string[] {
    const options = { cwd: trail.directory, encoding: 'utf8' } as const
    return execFileSync('/bin/bash', ['-euo', 'pipefail', '-c', script ?? ''], options)
      .trimEnd()
      .split('\n')
  }

  test('the login at an odd hour from an odd host', () => {
    const found = lines(logins)
    expect(found).toContain(`${night}\t1/41\tappuser\t203.0.113.66\tpsql`)
    expect(found.join('\n')).not.toContain('10.0.3.7')
  })

  test('the table that was read and changed', () => {
    expect(lines(both)).toContain(
      '1/41\tappuser\t203.0.113.66\tmyschema.account\t1200\t1\t2026-11-22T03:13:09.000000Z',
    )
    expect(lines(both).some((line) => line.startsWith('1/40'))).toBe(false)
  })

  test('all that the session did, and whether it succeeded', () => {
    expect(lines(session)).toEqual([
      `${night}\tconnection authorized\tsuccess\t00000\t\t\t`,
      '2026-11-22T03:12:44.000000Z\tSELECT\tsuccess\t00000\t1200\tmyschema.account\tSELECT * FROM account',
      `2026-11-22T03:13:09.000000Z\tUPDATE\tsuccess\t00000\t1\tmyschema.account\t${update}`,
      '2026-11-22T03:13:30.000000Z\tUPDATE\tfailure\t42501\t\tmyschema.salary\tUPDATE salary SET amount = 0',
    ])
  })
})

test('in SQL, the same', async () => {
  const postgres = await startPostgres()
  const { host, port, superuser: user, password } = postgres
  const client = new pg.Client({ host, port, user, password, database: 'postgres' })
  await client.connect()
  const [create = '', view = ''] = recipes('JSON: into a jsonb column', 'sql')
  const files = `PROGRAM 'cat ${trail.directory}/audit-*.log'`
  await client.query(create.replace("'/var/lib/pgwitness/audit/current'", files))
  await client.query(view)
  const [logins = '', both = '', session = ''] = recipes('An investigation', 'sql')
  const who = { user_name: 'appuser', client_ip: '203.0.113.66' }
  expect((await client.query(logins)).rows).toContainEqual({
    ...who,
    time: new Date(night),
    epoch: '1',
    session: '41',
    application: 'psql',
  })
  const changed = (await client.query(both)).rows
  expect(changed).toContainEqual(
    expect.objectContaining({ ...who, object: 'myschema.account', read: '1200', changed: '1' }),
  )
  expect(changed.some((row) => row.session === '40')).toBe(false)
  const done = (await client.query(session)).rows
  expect(done.map(({ command, outcome }) => `${command} ${outcome}`)).toEqual([
    'connection authorized success',
    'SELECT success',
    'UPDATE success',
    'UPDATE failure',
  ])
  await client.end()
  await postgres.stop()
})

describe('the collectors', () => {
  const [vector, fluent_bit] = recipes('Shipping', 'yaml').map((text) => parse(text))

  /** The pattern of a collector, as the shell reads it, in the trail that we have. */
  function read(pattern: string): readonly string[] {
    const place = pattern.replace('/var/lib/pgwitness/audit', trail.directory)
    const words = ['-c', `ls ${place}`]
    return execFileSync('/bin/sh', words, { encoding: 'utf8' }).trimEnd().split('\n')
  }

  test('read every file once, from its beginning, with long lines', () => {
    const files = readdirSync(trail.directory)
      .filter((name) => /^audit-.*\.log$/.test(name))
      .map((name) => join(trail.directory, name))
    const { include, read_from, max_line_bytes } = vector.sources.pgwitness
    expect(include.flatMap(read)).toEqual(files.sort())
    expect(read_from).toBe('beginning')
    const [tail] = fluent_bit.pipeline.inputs
    expect(read(tail.path)).toEqual(files.sort())
    expect(tail).toMatchObject({ name: 'tail', read_from_head: true })
    // A record of the defaults is a text of 1 MiB at most, each byte of it an escape, and values.
    const longest = 6 * (1024 * 1024 + 64 * 1024)
    expect(max_line_bytes).toBeGreaterThan(longest)
    expect(Number.parseInt(tail.buffer_max_size, 10) * 1024 * 1024).toBeGreaterThan(longest)
  })

  test('have components that name each other', () => {
    expect(vector.transforms.records.inputs).toEqual(Object.keys(vector.sources))
    expect(vector.sinks.archive.inputs).toEqual(Object.keys(vector.transforms))
    const [tail] = fluent_bit.pipeline.inputs
    expect(fluent_bit.pipeline.outputs[0].match).toBe(tail.tag)
    const [parser] = fluent_bit.parsers
    expect(parser.name).toBe(tail.parser)
    const [line = '{}'] = readFileSync(join(trail.directory, 'current'), 'utf8').split('\n')
    expect(Object.keys(JSON.parse(line))).toContain(parser.time_key)
  })
})

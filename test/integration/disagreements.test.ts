import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, complete, dataRow, query, ready, sync } from '../support/messages.js'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { startProxy, type TrailRecord } from '../support/proxy.js'
import { RawClient, startupPacket } from '../support/raw-client.js'
import { startScriptedServer } from '../support/scripted-server.js'

/**
 * The server's answers against our own count and class: where they disagree there are a record, a
 * warning in the server log and a count in the metrics. A server that errs is scripted.
 */

interface Outcome {
  readonly records: readonly TrailRecord[]
  readonly warnings: readonly string[]
  readonly counted: number
}

let postgres: ScratchPostgres

beforeAll(async () => {
  postgres = await startPostgres({ hba: ['host all all 127.0.0.1/32 trust'] })
})

afterAll(async () => {
  await postgres.stop()
})

/** What one request leaves behind when the server answers it so. */
async function askedOf(asked: Buffer, letter: string, answer: Buffer): Promise<Outcome> {
  const server = await startScriptedServer((one) => (one === letter ? answer : undefined))
  const proxy = await startProxy(postgres, {
    upstream: { port: server.port, tls: { mode: 'disable' } },
    admin: { host: '127.0.0.1', port: 0 },
    catalog: undefined,
  })
  const raw = await RawClient.connect(proxy.port)
  raw.send(startupPacket({ user: 'alice', database: 'shop' }))
  await raw.until((text) => text.includes('Z\0\0\0\x05I'))
  const before = raw.received.length
  raw.send(asked)
  await raw.until((text) => text.length >= before + answer.length)
  raw.end()
  await proxy.recordsUntil((all) => all.some(({ command }) => command === 'disconnection'))
  const page = await fetch(`http://127.0.0.1:${proxy.app.admin_port}/metrics`)
  const metrics = await page.text()
  const folder = join(proxy.directory, '..')
  await proxy.stop()
  const warnings = readdirSync(folder)
    .filter((name) => name.startsWith('server'))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'))
    .filter((line) => line.includes('"code":"session.') || line.includes('"code":"analysis.'))
  const records = await proxy.finish()
  server.close()
  const counted = /^pgwitness_analysis_mismatches_total (\d+)$/m.exec(metrics)?.[1]
  return { records, warnings, counted: Number(counted) }
}

describe('a disagreement leaves a record, a warning and a count', () => {
  it('of the number of statements, when one more was answered than was seen', async () => {
    const answer = Buffer.concat([complete('SELECT 1'), complete('DELETE 7'), ready()])
    const { records, warnings, counted } = await askedOf(query('SELECT 1'), 'Q', answer)
    expect(records).toContainEqual(
      expect.objectContaining({
        class: 'CONNECT',
        command: 'protocol disagreement',
        sqlstate: '08P01',
        message: '2 answered of 1 statements',
      }),
    )
    expect(records).toContainEqual(
      expect.objectContaining({ class: 'WRITE', command: 'DELETE', analysis: 'unparsed', rows: 7 }),
    )
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain('2 answered of 1 statements')
    expect(counted).toBe(1)
  })

  it('of the class, when the tag is that of another statement', async () => {
    const answer = Buffer.concat([complete('DELETE 7'), ready()])
    const { records, warnings, counted } = await askedOf(query('SELECT 1'), 'Q', answer)
    expect(records).toContainEqual(
      expect.objectContaining({
        class: 'WRITE',
        command: 'DELETE',
        analysis: 'mismatch',
        outcome: 'success',
        statement: expect.objectContaining({ text: 'SELECT 1' }),
      }),
    )
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain('"tag":"DELETE 7"')
    expect(counted).toBe(1)
  })

  it('of the grammar, when the server runs what ours refuses', async () => {
    const answer = Buffer.concat([complete('FROBNICATE'), ready()])
    const { records, warnings, counted } = await askedOf(query('FROBNICATE ALL'), 'Q', answer)
    expect(records).toContainEqual(
      expect.objectContaining({ class: 'WRITE', command: 'FROBNICATE', analysis: 'unparsed' }),
    )
    expect(warnings).toHaveLength(1)
    expect(counted).toBe(1)
  })

  it('of the order, when an answer comes that nothing was asked for', async () => {
    const answer = Buffer.concat([dataRow('1'), ready()])
    const { records, warnings, counted } = await askedOf(sync(), 'S', answer)
    expect(records).toContainEqual(
      expect.objectContaining({
        command: 'protocol disagreement',
        message: 'DataRow while sync was owed',
      }),
    )
    expect(warnings).toHaveLength(1)
    expect(counted).toBe(1)
  })

  it('and what was asked is unknown where its answer is missing', async () => {
    const asked = Buffer.concat([ask('DELETE FROM a'), sync()])
    const { records, counted } = await askedOf(asked, 'S', ready())
    expect(records).toContainEqual(
      expect.objectContaining({
        command: 'protocol disagreement',
        message: 'ReadyForQuery while the answer to parse was owed',
      }),
    )
    expect(records).toContainEqual(
      expect.objectContaining({ class: 'WRITE', command: 'DELETE', outcome: 'unknown' }),
    )
    expect(counted).toBe(1)
  })

  it('but nothing where all fits', async () => {
    const answer = Buffer.concat([complete('SELECT 1'), ready()])
    const { warnings, counted } = await askedOf(query('SELECT 1'), 'Q', answer)
    expect(warnings).toEqual([])
    expect(counted).toBe(0)
  })
})

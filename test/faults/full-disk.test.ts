import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type ProxyUnderTest, startProxy } from '../support/proxy.js'

/** True where this user may mount a tmpfs; the test is skipped with that reason otherwise. */
function mayMount(): boolean {
  const probe = mkdtempSync(join(tmpdir(), 'pgwitness-mount-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', probe], { stdio: 'ignore' })
    execFileSync('umount', [probe], { stdio: 'ignore' })
    return true
  } catch {
    return false
  } finally {
    rmSync(probe, { recursive: true, force: true })
  }
}

describe.skipIf(!mayMount())('a full file system (skips where tmpfs cannot be mounted)', () => {
  let postgres: ScratchPostgres
  let mount_point = ''

  beforeAll(async () => {
    postgres = await startPostgres()
    mount_point = mkdtempSync(join(tmpdir(), 'pgwitness-full-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', mount_point])
  })

  afterAll(async () => {
    await postgres.stop()
    execFileSync('umount', ['-l', mount_point])
  })

  it('diverts every record to the server log and comes back, with nothing missing', async () => {
    const log_directory = mkdtempSync(join(tmpdir(), 'pgwitness-log-'))
    const log = join(log_directory, 'server.log')
    const proxy = await startProxy(postgres, {
      audit: { directory: join(mount_point, 'audit') },
      server_log: { level: 'warn', file: log },
    })
    const client = await proxy.client()
    const filler = join(mount_point, 'filler')
    let sent = 0
    const work = async (count: number) => {
      for (let n = 0; n < count; n++) {
        await client.query(`SELECT ${sent++} AS n`)
      }
    }
    await work(50)
    // Answers do not wait for records: these come when the first text has been parsed.
    await atTrail(proxy, sent)
    fill(filler)
    await work(300)
    await atTrail(proxy, sent)
    // A new file may take its first records and fail again: what was diverted stays diverted.
    expect(proxy.app.trail.state.fallback_records).toBeGreaterThan(200)
    rmSync(filler)
    // The file is tried again with back-off: statements go on until it has been taken back.
    for (let round = 0; round < 600 && proxy.app.trail.state.mode !== 'file'; round++) {
      await work(1)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    expect(proxy.app.trail.state.mode).toBe('file')
    await work(20)
    await client.end()
    await proxy.stop()

    const file_lines = readdirSync(proxy.directory)
      .filter((name) => /^audit-.*\.log$/.test(name))
      .flatMap((name) => readFileSync(join(proxy.directory, name), 'utf8').split('\n'))
      .filter((line) => line !== '')
    const log_lines = readdirSync(log_directory)
      .filter((name) => /^server\.\d+\.log$/.test(name))
      .flatMap((name) => readFileSync(join(log_directory, name), 'utf8').split('\n'))
      .filter((line) => line.includes('"code":"audit.fallback","record":'))
      .map((line) => line.slice(line.indexOf('"record":') + '"record":'.length, -1))
    expect(log_lines.length).toBeGreaterThan(250)

    const by_seq = new Map<number, string>()
    let repeats = 0
    for (const line of [...file_lines, ...log_lines]) {
      const seq: number = JSON.parse(line).seq
      const before = by_seq.get(seq)
      if (before === undefined) by_seq.set(seq, line)
      else {
        repeats++
        expect(line).toBe(before)
      }
    }
    const last = Math.max(...by_seq.keys())
    expect(by_seq.size).toBe(last)
    expect(repeats).toBeLessThanOrEqual(50)
    const texts = [...by_seq.values()].map((line) => JSON.parse(line).statement?.text)
    for (let n = 0; n < sent; n++) expect(texts).toContain(`SELECT ${n} AS n`)
    const commands = [...by_seq.values()].map((line) => JSON.parse(line).command)
    expect(commands).toContain('audit.fallback')
    expect(commands).toContain('audit.resume')
  })
})

/** Waits until the trail has so many records, and has written them to the file or to the log. */
async function atTrail(proxy: ProxyUnderTest, records: number): Promise<void> {
  const { trail } = proxy.app
  await expect.poll(() => trail.state.appended_records).toBeGreaterThanOrEqual(records)
  await trail.flush()
}

/** Fills the file system to its last byte. */
function fill(path: string): void {
  const piece = Buffer.alloc(4096)
  try {
    for (;;) writeFileSync(path, piece, { flag: 'a' })
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'ENOSPC') throw error
  }
}

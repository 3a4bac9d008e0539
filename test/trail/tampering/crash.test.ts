import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { fileNames } from '../trail-fixture.js'
import { verifyDirectory } from './sealed-trail.js'

const rounds = 5
const trail_module = new URL('../../../dist/trail/file-trail.js', import.meta.url).href

/** Writes records as fast as the trail takes them, until it is killed. */
const program = `
import { openTrail } from ${JSON.stringify(trail_module)}
const [directory] = process.argv.slice(2)
const log = { info() {}, warn() {}, error() {} }
const trail = await openTrail({
  directory, directory_mode: 0o700, file_mode: 0o600, format: 'json',
  rotate: { age_ms: 0, size_bytes: 300_000 }, retain: {},
  flush: { interval_ms: 2, sync_ms: 5, size_bytes: 65_536 }, durability: 'async', queue_bytes: 1_048_576,
  stuck_timeout_ms: 5_000, seal: { every_ms: 1_000, records: 500 }, time_zone: 'UTC',
  instance: 'test', server_log: { fd: 2 }, start_detail: {},
}, log)
let n = 0
function more() {
  while (trail.append('"instance":"test","n":' + n + ',"x":"' + 'y'.repeat(n % 300) + '"}')) {
    if (++n % 200 === 0) { setImmediate(more); return }
  }
  trail.when_writable(more)
}
more()
process.stdout.write('writing\\n')
`

let directory: string
let program_file: string

beforeAll(() => {
  directory = fs.mkdtempSync(join(tmpdir(), 'pgwitness-crash-'))
  program_file = join(directory, 'writer.mjs')
  fs.writeFileSync(program_file, program)
})

afterAll(() => fs.rmSync(directory, { recursive: true, force: true }))

async function writeAndKill(after_ms: number): Promise<void> {
  const child = spawn(process.execPath, [program_file, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const started = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
  expect(String(started[0])).toBe('writing\n')
  setTimeout(() => child.kill('SIGKILL'), after_ms)
  await once(child, 'exit')
}

it('a trail of killed processes shows no alteration, and tells of each end that was not sealed', async () => {
  for (let round = 0; round < rounds; round++) {
    await writeAndKill(20 + Math.random() * 150)
    const { verdict, findings } = await verifyDirectory(directory, { unsigned: true })
    expect(findings.filter((finding) => finding.startsWith('altered'))).toEqual([])
    // A first writer that was killed at once has left no seal.
    const sealed = !findings.join().includes('the trail holds no seal')
    expect(verdict, findings.join('\n')).toBe(sealed ? 2 : 3)
    const gaps = findings.filter((finding) => finding.startsWith('gap'))
    expect(gaps.length).toBeGreaterThan(0)
  }
  expect(fileNames(directory).length).toBeGreaterThanOrEqual(rounds)
}, 120_000)

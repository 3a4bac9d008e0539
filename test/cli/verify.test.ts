import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { filesOf, makeSealedTrail, type SealedTrail } from '../trail/tampering/sealed-trail.js'
import { runToEnd } from './spawn-cli.js'

const scratch = fs.mkdtempSync(join(tmpdir(), 'pgwitness-keys-'))
let trail: SealedTrail

beforeAll(async () => {
  trail = await makeSealedTrail('json')
  const pem = trail.key.export({ type: 'spki', format: 'pem' })
  fs.writeFileSync(join(scratch, 'good.pub'), pem)
})

afterAll(() => {
  fs.rmSync(scratch, { recursive: true, force: true })
  fs.rmSync(trail.scratch, { recursive: true, force: true })
})

test('keygen makes a pair with its modes, and never overwrites one', async () => {
  const out = join(scratch, 'pair')
  const made = await runToEnd(['keygen', '--out', out])
  expect(made).toMatchObject({ status: 0, stderr: '' })
  expect(made.stdout).not.toContain('PRIVATE')
  expect(fs.statSync(`${out}.key`).mode & 0o7777).toBe(0o600)
  const before = fs.readFileSync(`${out}.key`, 'utf8')
  const again = await runToEnd(['keygen', '--out', out])
  expect(again.status).toBe(1)
  expect(again.stderr).toMatch(/keygen\.failed: .*pair\.key cannot be written: EEXIST[\s\S]*hint: /)
  fs.rmSync(`${out}.key`)
  expect((await runToEnd(['keygen', '--out', out])).status).toBe(1)
  // Half a pair is not left behind.
  expect(fs.existsSync(`${out}.key`)).toBe(false)
  expect(before).toContain('PRIVATE KEY')
})

test('verify answers with its verdict', async () => {
  const key = ['--key', join(scratch, 'good.pub')]
  const good = await runToEnd(['verify', trail.directory, ...key, '--anchor', trail.anchor])
  expect(good).toMatchObject({ status: 0, stderr: '' })
  expect(good.stdout).toMatch(/ seals \(\d+ with a good signature\)\n[\s\S]*\nINTACT\n$/)
  const alone = await runToEnd(['verify', trail.directory, ...key])
  expect(alone.stdout).toContain('without an anchor')
  const unkeyed = await runToEnd(['verify', trail.directory])
  expect(unkeyed).toMatchObject({ status: 3 })
  const nowhere = await runToEnd(['verify', join(scratch, 'none'), ...key])
  expect(nowhere.status).toBe(3)
  expect(nowhere.stderr).toMatch(/verify\.unreadable: ENOENT/)
  const no_key = await runToEnd(['verify', trail.directory, '--key', join(scratch, 'none')])
  expect(no_key.status).toBe(3)
  expect(no_key.stderr).toContain('verify.key')
  expect((await runToEnd(['verify'])).status).toBe(3)
  fs.appendFileSync(join(trail.directory, filesOf(trail.directory)[0] ?? ''), '{}\n')
  const bad = await runToEnd(['verify', trail.directory, ...key])
  expect(bad.status).toBe(1)
  expect(bad.stdout).toMatch(/^altered: audit-.*-0001\.log, bytes \d+–\d+: /)
})

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { runToEnd } from './spawn-cli.js'

const directory = mkdtempSync(join(tmpdir(), 'pgwitness-explain-'))

afterAll(() => rmSync(directory, { recursive: true }))

const config_file = join(directory, 'rules.yaml')
writeFileSync(
  config_file,
  `rules:
  - { name: finance-writes, class: [WRITE, DDL], object: "finance.*", user: "app_*" }
  - { name: all-but-etl, except: { user: etl } }
  - { name: failures, class: ERROR }
  - { name: logins, class: CONNECT }
`,
)

async function explained(...command_line: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await runToEnd(['explain', ...command_line])
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return stdout
}

test('says class, command and objects of each statement', async () => {
  const text = await explained('SELECT * FROM account; INSERT INTO finance.ledger VALUES (1)')
  expect(text).toMatch(/statement 1 of 2\n {2}text +SELECT \* FROM account\n {2}class +READ\n/)
  expect(text).toMatch(/ {2}command +SELECT\n {2}why +\S/)
  expect(text).toMatch(/ {2}objects +account: TABLE, READ, select/)
  expect(text).toMatch(
    /statement 2 of 2[\s\S]*class +WRITE\n[\s\S]*finance\.ledger: TABLE, WRITE, insert/,
  )
  expect(text).not.toContain('rules')
})

test('says which rules would ask, and for what else they ask', async () => {
  const text = await explained('--config', config_file, 'DELETE FROM finance.ledger')
  expect(text).toMatch(
    / {2}rules +finance-writes, when user is app_\*\n +all-but-etl, unless user is etl\n +failures, if it fails\n/,
  )
  expect(text).not.toContain('logins')
})

test('says what a statement does to its session', async () => {
  const text = await explained('SET search_path TO finance, public; CREATE TABLE t (id int)')
  expect(text).toMatch(/effects +sets search_path to finance, public/)
  expect(text).toMatch(/effects +creates t: TABLE, DDL, create/)
})

test('a text that is no SQL, and one that is empty', async () => {
  expect(await explained('SELEC 1')).toMatch(
    /not valid SQL: .*\n.*at least WRITE[\s\S]*class +WRITE/,
  )
  expect(await explained(' ')).toContain('empty query')
})

test('control characters of the text do not reach the terminal', async () => {
  expect(await explained("SELECT '\u001b[2J'")).not.toContain('\u001b')
})

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { runToEnd, spawnCli, written } from './spawn-cli.js'

const directory = mkdtempSync(join(tmpdir(), 'pgwitness-demo-test-'))

afterAll(() => rmSync(directory, { recursive: true }))

function parsedLines(file: string): Record<string, unknown>[] {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  return lines.map((line) => JSON.parse(line))
}

test('the scripted session leaves its records, and they are shown', async () => {
  const audit_directory = join(directory, 'json')
  const command_line = ['demo', '--exit', '--port', '0', '--audit-dir', audit_directory]
  const { status, stdout, stderr } = await runToEnd(command_line, { TMPDIR: directory })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })

  const file = join(audit_directory, 'current')
  expect(stdout).toMatch(/psql "postgres:\/\/postgres:\S+@127\.0\.0\.1:\d+\/postgres"/)
  expect(stdout).toContain(file)
  expect(stdout).toContain('Ctrl-C')

  const records = parsedLines(file)
  const statements = records.filter((record) => record['statement'] !== undefined)
  expect(statements).toMatchObject([
    {
      class: 'WRITE',
      command: 'INSERT',
      outcome: 'success',
      rules: ['demo'],
      objects: [{ name: 'myschema.account', type: 'TABLE', access: ['insert'] }],
    },
    {
      class: 'READ',
      command: 'SELECT',
      rows: 1,
      objects: [{ name: 'myschema.account', type: 'TABLE', access: ['select'] }],
      statement: { text: 'SELECT * FROM account' },
    },
    { outcome: 'failure', sqlstate: '42P01', statement: { text: 'SELECT * FROM nowhere' } },
  ])
  const refused = records.filter((record) => record['command'] === 'authentication failed')
  expect(refused).toMatchObject([{ class: 'CONNECT', sqlstate: '28P01' }])

  const shown = stdout.slice(stdout.indexOf('The records that it left'))
  expect(shown).toMatch(/WRITE +INSERT +success +postgres +myschema\.account +INSERT INTO account/)
  expect(shown).toMatch(/CONNECT +authentication failed +.*28P01/)
  expect(shown).toMatch(/42P01.*SELECT \* FROM nowhere -- relation "nowhere" does not exist/)
  expect(shown).not.toContain('CREATE TABLE')
  expect(shown).not.toContain('\u001b')
})

test('the records in CSV', async () => {
  const audit_directory = join(directory, 'csv')
  const command_line = ['demo', '--exit', '--port', '0', '--format', 'csv']
  const { status, stdout, stderr } = await runToEnd(
    [...command_line, '--audit-dir', audit_directory],
    { TMPDIR: directory },
  )
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout).toMatch(/^ {2}AUDIT: SESSION,READ,.*myschema\.account/m)
})

test('without a session it stays up for clients until it is interrupted', async () => {
  const cli = spawnCli(['demo', '--no-session', '--port', '0'], { TMPDIR: directory })
  const [, url] = await written(cli, 'stdout', /psql "(postgres:\S+)"/)
  const [, file] = await written(cli, 'stdout', /tail -F (\S+)/)
  await written(cli, 'stdout', /Still up/)
  expect(cli.stdout).not.toContain('The records that it left')
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('SELECT 1 AS one')
  await client.end()
  cli.process.kill('SIGINT')
  expect(await cli.ended).toBe(0)
  // The default directory is a new one that stays.
  expect(file?.startsWith(directory)).toBe(true)
  expect(existsSync(file ?? '')).toBe(true)
  expect(readFileSync(file ?? '', 'utf8')).toContain('SELECT 1 AS one')
})

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { runToEnd } from './spawn-cli.js'

const directory = mkdtempSync(join(tmpdir(), 'pgwitness-cli-'))

afterAll(() => rmSync(directory, { recursive: true }))

test('--version prints the version of the package', async () => {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const { version }: { version: string } = JSON.parse(text)
  expect(await runToEnd(['--version'])).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' })
})

test('--help lists the commands of this version and no others', async () => {
  const { status, stdout } = await runToEnd(['--help'])
  expect(status).toBe(0)
  const commands = [...stdout.matchAll(/^ {2}([a-z][a-z-]+) /gm)].map((match) => match[1])
  expect(commands).toEqual([
    'run',
    'check',
    'explain',
    'keygen',
    'verify',
    'tail',
    'setup-sql',
    'demo',
  ])
})

test.each(['run', 'check', 'explain', 'keygen', 'verify', 'tail', 'setup-sql', 'demo'])(
  '%s --help',
  async (command) => {
    const { status, stdout, stderr } = await runToEnd([command, '--help'])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toContain(`Usage: pgwitness ${command}`)
  },
)

describe('what is not understood ends with status 2', () => {
  test.each<[readonly string[], RegExp]>([
    [['--colour'], /pgwitness: unknown option '--colour'/],
    [['rum'], /pgwitness: unknown command 'rum'[\s\S]*Did you mean run\?/],
    [['keygen'], /required option '--out <name>' not specified/],
    [['run', '--upstrem', 'x'], /unknown option '--upstrem'[\s\S]*--upstream/],
    [['run', 'extra'], /too many arguments/],
    [['run', '--format', 'xml'], /Allowed choices are json, csv/],
    [['run', '--config'], /argument missing/],
    [['explain'], /missing required argument 'sql'/],
    [['demo', '--port', '70000'], /from 0 .* to 65535/],
    [[], /Usage: pgwitness/],
  ])('%j', async (command_line, message) => {
    const { status, stdout, stderr } = await runToEnd(command_line)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toMatch(message)
  })
})

describe('check', () => {
  test('prints the effective configuration as YAML', async () => {
    const file = join(directory, 'good.yaml')
    writeFileSync(file, 'catalog: { user: witness }\nrules: [{ name: w, class: write }]\n')
    const env = { PGWITNESS_LISTEN_PORT: '6000', PGPASSWORD: 'hunter2' }
    const { status, stdout, stderr } = await runToEnd(['check', '--config', file], env)
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).not.toContain('hunter2')
    expect(parse(stdout)).toMatchObject({
      listen: { host: '127.0.0.1', port: 6000 },
      catalog: { user: 'witness', refresh: '30s' },
      audit: { file_mode: '0600', flush: { interval: '50ms' } },
      rules: [{ name: 'w', class: ['WRITE'] }],
    })
  })

  test('tells everything that is wrong at once, without a stack', async () => {
    const file = join(directory, 'bad.yaml')
    writeFileSync(file, 'listen: { prt: 1 }\naudit: { queue: 64MB, file_mode: 0600 }\n')
    const { status, stdout, stderr } = await runToEnd(['check', '--config', file])
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toBe(
      [
        'pgwitness: config.invalid: 3 problems in the configuration',
        `  listen.prt: no such key (${file}:1)`,
        '      hint: Did you mean port? Known here: host, port, socket_mode, tls, allow, proxy_protocol.',
        `  audit.file_mode = 600: is a number, not a quoted octal string (${file}:2)`,
        '      hint: Write the mode as a quoted octal string such as "0600": a bare 0600 is the number 600 in YAML 1.2 and octal in YAML 1.1.',
        `  audit.queue = "64MB": is not a size (${file}:2)`,
        '      hint: Write a whole number and a unit, without a blank: 64KiB, 100MiB, 1GiB or 1TiB.',
        '',
      ].join('\n'),
    )
  })

  test('finds a pattern that only the rules can judge', async () => {
    const file = join(directory, 'pattern.yaml')
    writeFileSync(file, `rules: [{ name: a, object: 'finance."x' }]\n`)
    const { status, stderr } = await runToEnd(['check', '--config', file])
    expect(status).toBe(1)
    expect(stderr).toContain('pgwitness: config.invalid: rules[0] (a)')
    expect(stderr).not.toContain('    at ')
  })

  test('a file that is not there', async () => {
    const { status, stderr } = await runToEnd(['check', '--config', '/nowhere.yaml'])
    expect(status).toBe(1)
    expect(stderr).toContain('pgwitness: config.unreadable')
    expect(stderr).toContain('/nowhere.yaml')
  })
})

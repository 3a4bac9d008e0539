import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { AuditRecord } from '../../src/record/audit-record.js'
import { renderCsv } from '../../src/record/csv-format.js'
import { renderJson } from '../../src/record/json-format.js'
import { type FileTrail, openTrail } from '../../src/trail/file-trail.js'
import { blocksOf } from '../docs/page-blocks.js'
import { readCsv } from '../record/read-csv.js'
import { sample_account, sample_records, sample_session } from '../record/sample-records.js'
import { removeDirectory, scratchDirectory, trailOptions } from '../trail/trail-fixture.js'
import { runToEnd, type SpawnedCli, spawnCli, written } from './spawn-cli.js'

const log = { info: () => {}, warn: () => {}, error: () => {} }
const hour_us = 3_600_000_000
const now_us = Date.now() * 1_000

/** A record that tells itself from the others by its text. */
function statement(text: string, changes: Partial<AuditRecord> = {}): AuditRecord {
  return {
    ...sample_records['a read'],
    time_us: now_us,
    statement: { uid: '7.2', id: 2, protocol: 'simple', text },
    ...changes,
  }
}

const bob = { ...sample_session, user: 'bob', client_ip: '203.0.113.9' }
const secret_table = { ...sample_account, name: 'finance."Pay.roll"' }

const trail_records: readonly AuditRecord[] = [
  statement('old one', { time_us: now_us - 48 * hour_us }),
  statement('read of account'),
  statement('write by bob', {
    class: 'WRITE',
    command: 'UPDATE',
    session: bob,
    objects: [{ ...secret_table, class: 'WRITE', access: ['update'] }],
  }),
  statement('read that failed', {
    outcome: 'failure',
    sqlstate: '42501',
    message: 'permission denied',
  }),
  statement('nobody understood it', { class: 'WRITE', analysis: 'unparsed', objects: [] }),
  {
    time_us: now_us,
    class: 'CONNECT',
    command: 'authentication failed',
    outcome: 'failure',
    sqlstate: '28P01',
    message: 'password authentication failed for user "bob"',
    rules: [],
    session: bob,
  },
  statement('\u001b[2J\u009b31mEVIL\u0007\r\nAUDIT: SESSION,READ forged\u202e'),
]

async function openAs(
  directory: string,
  format: 'json' | 'csv',
): Promise<{ trail: FileTrail; add(record: AuditRecord): Promise<void> }> {
  const trail = await openTrail(trailOptions(directory, { format }), log)
  const add = async (record: AuditRecord) => {
    trail.append(format === 'json' ? renderJson(record, 'test') : renderCsv(record, 'UTC'))
    await trail.flush()
  }
  return { trail, add }
}

const directories = { json: scratchDirectory(), csv: scratchDirectory() }

beforeAll(async () => {
  for (const format of ['json', 'csv'] as const) {
    const { trail, add } = await openAs(directories[format], format)
    for (const record of trail_records) await add(record)
    await trail.close('written')
  }
})

afterAll(() => {
  for (const directory of Object.values(directories)) {
    removeDirectory(directory)
    removeDirectory(`${directory}.server.log`)
  }
})

function now(format: 'json' | 'csv', ...flags: readonly string[]) {
  return runToEnd(['tail', directories[format], '--no-follow', '-n', 'all', ...flags])
}

/** The texts of the statements that were shown, or the message of what is none. */
function shown(stdout: string): string[] {
  const known = ['old one', 'read of account', 'write by bob', 'read that failed']
  const marks = [...known, 'nobody understood it', 'password authentication', 'EVIL', 'audit.start']
  return stdout
    .trimEnd()
    .split('\n')
    .flatMap((line) => marks.filter((mark) => line.includes(mark)))
}

describe.each(['json', 'csv'] as const)('filters of a %s trail', (format) => {
  // What could not be understood may be on any object; CSV does not tell of it.
  const doubtful = format === 'json' ? ['nobody understood it'] : []
  test.each<[readonly string[], readonly string[]]>([
    [
      ['--class', 'write'],
      ['write by bob', 'nobody understood it'],
    ],
    // A failure has the class ERROR in CSV.
    [
      ['--class', format === 'json' ? 'CONNECT' : 'ERROR', '--user', 'bob'],
      ['password authentication'],
    ],
    [['--class', 'AUDIT'], ['audit.start']],
    [
      ['--user', 'b*'],
      ['write by bob', 'password authentication'],
    ],
    [['--user', 'b*', '--class', 'READ,WRITE'], ['write by bob']],
    [
      ['--object', 'finance.*'],
      ['write by bob', ...doubtful],
    ],
    [
      ['--object', 'finance."Pay.roll"', '--class', 'WRITE'],
      ['write by bob', ...doubtful],
    ],
    [['--failed'], ['read that failed', 'password authentication']],
    [['--failed', '--class', 'READ', '--user', 'bob'], []],
    [
      ['--since', '1h', '--user', '!bob', '--class', '!WRITE'],
      ['read of account', 'read that failed', ...doubtful, 'EVIL'],
    ],
  ])('%j', async (flags, expected) => {
    const { status, stdout, stderr } = await now(format, ...flags)
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(shown(stdout)).toEqual(expected)
  })
})

describe('what is shown', () => {
  test('in the trail’s own format, every byte as it stands there', async () => {
    for (const format of ['json', 'csv'] as const) {
      const { stdout } = await now(format, '-o', format)
      const [file = ''] = fs
        .readdirSync(directories[format])
        .filter((name) => name.endsWith('.log'))
      expect(stdout).toBe(fs.readFileSync(join(directories[format], file), 'utf8'))
    }
  })

  test('a JSON trail as CSV is what a CSV trail would hold', async () => {
    const { stdout } = await now('json', '-o', 'csv', '--class', '!AUDIT')
    const expected = trail_records.map((record) => `${renderCsv(record, 'UTC')}\n`).join('')
    expect(readCsv(stdout)).toEqual(readCsv(expected))
  })

  test('a CSV trail as JSON gives its columns', async () => {
    const { stdout } = await now('csv', '-o', 'json', '--user', 'bob', '--class', 'WRITE')
    expect(JSON.parse(stdout)).toMatchObject({
      header: 'AUDIT: SESSION',
      class: 'WRITE',
      session_user_name: 'bob',
      object_name: 'finance."Pay.roll"',
      sqlstate: null,
      sql: 'write by bob',
    })
  })

  test('pretty: one line for each, with nothing that a terminal obeys', async () => {
    const { stdout } = await now('json', '--class', '!AUDIT')
    expect(stdout.trimEnd().split('\n').length).toBe(trail_records.length)
    expect(stdout).toMatch(
      /WRITE +UPDATE +success +bob@203\.0\.113\.9 +finance\."Pay\.roll" +write by bob/,
    )
    expect(stdout).toMatch(/READ +SELECT +failure +42501 .*read that failed -- permission denied/)
    expect(stdout).toMatch(/CONNECT +authentication failed +failure +28P01 +bob@203\.0\.113\.9/)
    expect(stdout).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/)
  })

  test.each(['json', 'csv'] as const)(
    '-n of a %s trail: the last that are wanted',
    async (format) => {
      const flags = ['--class', 'READ', '-n', '2', '--no-follow']
      const { stdout } = await runToEnd(['tail', directories[format], ...flags])
      const before = format === 'json' ? 'nobody understood it' : 'read of account'
      expect(shown(stdout)).toEqual([before, 'EVIL'])
      const none = await runToEnd(['tail', directories[format], ...flags, '-n', '0'])
      expect(none.stdout).toBe('')
    },
  )
})

describe('on a terminal', () => {
  const main_file = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
  const scripted = (() => {
    try {
      return execFileSync('script', ['--version'], { encoding: 'utf8' }).includes('util-linux')
    } catch {
      return false
    }
  })()

  /** Runs it with a pseudo-terminal for its output. */
  function onTerminal(
    flags: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): string {
    const command = [process.execPath, main_file, 'tail', '--no-follow', '-n', 'all', ...flags]
    const quoted = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ')
    const inherited = { PATH: process.env['PATH'] ?? '', TERM: 'xterm', ...env }
    return execFileSync('script', ['-qec', `stty cols 4000; ${quoted}`, '/dev/null'], {
      encoding: 'utf8',
      env: inherited,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  }

  test.skipIf(!scripted)('failures are red, unless colours are not wanted', () => {
    const { json } = directories
    const red = '\u001b[31m'
    const lines = onTerminal([json]).split('\r\n')
    expect(lines.filter((line) => line.startsWith(red)).length).toBe(2)
    expect(onTerminal([json, '--no-color'])).not.toContain('\u001b')
    expect(onTerminal([json], { NO_COLOR: '1' })).not.toContain('\u001b')
    expect(onTerminal([json], { TERM: 'dumb' })).not.toContain('\u001b')
    expect(onTerminal([json], { NO_COLOR: '' })).toContain(red)
  })

  test.skipIf(!scripted)('no format lets control characters through', () => {
    for (const directory of Object.values(directories)) {
      for (const format of ['json', 'csv', 'pretty']) {
        const output = onTerminal([directory, '-o', format, '--no-color']).replaceAll('\r\n', '\n')
        expect(output).toContain('EVIL')
        expect(output).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/)
        // What a record holds begins no line of its own.
        expect(output).not.toMatch(/^AUDIT: SESSION,READ forged/m)
      }
    }
  })
})

describe('following', () => {
  let directory: string
  let cli: SpawnedCli | undefined

  beforeEach(() => {
    directory = scratchDirectory()
  })

  afterEach(async () => {
    cli?.process.kill('SIGKILL')
    await cli?.ended
    cli = undefined
    removeDirectory(directory)
    removeDirectory(`${directory}.server.log`)
  })

  test('goes on over a restart, and ends with status 0 at SIGINT', async () => {
    const first = await openAs(directory, 'json')
    await first.add(statement('before it began'))
    cli = spawnCli(['tail', directory, '--class', 'READ', '-o', 'json'])
    await written(cli, 'stdout', /before it began/)
    await first.add(statement('while it runs'))
    await first.trail.close('restart')
    const second = await openAs(directory, 'json')
    await second.add(statement('after the restart'))
    await written(cli, 'stdout', /after the restart/)
    await second.trail.close('over')
    cli.process.kill('SIGINT')
    expect(await cli.ended).toBe(0)
    expect(cli.stderr).toBe('')
    const texts = cli.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).statement.text)
    expect(texts).toEqual(['before it began', 'while it runs', 'after the restart'])
  })

  test('begins before there is a file, where the configuration says', async () => {
    cli = spawnCli(['tail'], { PGWITNESS_AUDIT_DIRECTORY: directory })
    await written(cli, 'stderr', /^pgwitness: no audit file in .*; waiting for the first\n$/)
    const { trail, add } = await openAs(directory, 'csv')
    await add(statement('the first'))
    await written(cli, 'stdout', /the first/)
    await trail.close('over')
    cli.process.kill('SIGTERM')
    expect(await cli.ended).toBe(0)
  })

  test('ends when nobody reads any more', async () => {
    const { trail, add } = await openAs(directory, 'json')
    await add(statement('one'))
    cli = spawnCli(['tail', directory])
    await written(cli, 'stdout', /one/)
    cli.process.stdout.destroy()
    let ended: number | string | undefined
    void cli.ended.then((status) => {
      ended = status
    })
    // It learns of it by writing.
    while (ended === undefined) {
      await add(statement('more'))
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await trail.close('over')
    expect(ended).toBe(0)
    expect(cli.stderr).toBe('')
  })

  test('is told of output that could not be written, and by the status', async () => {
    const { trail, add } = await openAs(directory, 'json')
    await add(statement('one'))
    await trail.close('over')
    const full = ['sh', '-c', 'exec "$@" > /dev/full', 'sh']
    cli = spawnCli(['tail', directory, '-n', 'all', '-o', 'json', '--no-follow'], {}, full)
    expect(await cli.ended).toBe(1)
    expect(cli.stderr).toMatch(/^pgwitness: output\.failed: .*ENOSPC.*\n {2}hint: /)
  })

  test('is a good citizen of a pipe', async () => {
    const command = `'${process.execPath}' dist/main.js tail '${directories.json}' -n all | head -n 1`
    const shell = spawn('/bin/bash', ['-c', `set -o pipefail; ${command}`], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    let output = ''
    shell.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    while (!output.includes('\n')) await once(shell.stdout, 'data')
    expect(output).toContain('audit.start')
    // What comes next would find the pipe closed; nothing comes, so it is asked to end.
    process.kill(-(shell.pid ?? 0), 'SIGTERM')
    await once(shell, 'close')
  })
})

describe('the examples of docs/reading.md', () => {
  const commands = blocksOf('docs/reading.md')
    .filter(({ heading, language }) => heading === 'With pgwitness tail' && language === 'sh')
    .flatMap(({ text }) => text.trim().split('\n'))
    .map((line) => line.replace(/ +#.*$/, '').split(' '))

  test('are there', () => expect(commands.length).toBeGreaterThan(3))

  test.each(commands)('%s %s %s %s %s %s', async (program, ...command_line) => {
    expect(program).toBe('pgwitness')
    const words = command_line.map((word) => word.replaceAll("'", ''))
    const at = words.indexOf('/var/lib/pgwitness/audit')
    expect(at).toBe(1)
    const known = words.toSpliced(at, 1, directories.json)
    const { status, stderr } = await runToEnd([...known, '--no-follow'])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })
})

describe('mistakes', () => {
  test.each<[readonly string[], number, RegExp]>([
    [['tail', '/nonexistent'], 1, /pgwitness: tail\.unreadable: ENOENT.*\n {2}hint: Name the dir/],
    [['tail', tmpdir(), '--class', 'REED'], 1, /tail\.filter: --class: "REED" is none of READ, /],
    [
      ['tail', tmpdir(), '--object', '"open'],
      1,
      /tail\.filter: --object: .*quote that does not end/,
    ],
    [
      ['tail', tmpdir(), '--since', 'yesterday'],
      2,
      /'--since <when>' argument 'yesterday'.*duration/,
    ],
    [['tail', tmpdir(), '-n', '-3'], 2, /Write a number, or all/],
    [['tail', tmpdir(), '-o', 'xml'], 2, /Allowed choices are pretty, json, csv/],
  ])('%j', async (command_line, status, message) => {
    const ended = await runToEnd(command_line)
    expect(ended.status).toBe(status)
    expect(ended.stderr).toMatch(message)
    expect(ended.stderr).not.toContain('    at ')
  })
})

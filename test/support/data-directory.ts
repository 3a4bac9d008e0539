import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { chownSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Identity } from './server-identity.js'

/** Where a new server's files go, and who owns them. */
export interface DataDirectoryPlace {
  /** The directory of the programs. */
  readonly bin: string
  /** What to make. */
  readonly data: string
  /** The directory of this server alone, in which `data` lies. */
  readonly scratch: string
  readonly identity: Identity | undefined
}

/** The password of the superuser `postgres`. */
export const password = 'scratch-secret'

/**
 * Makes a data directory. A run of vitest makes one for each directory of programs and copies it
 * ever after (test/support/keep-templates.ts): initdb takes several times as long as a copy.
 */
export async function makeDataDirectory(place: DataDirectoryPlace): Promise<void> {
  const templates = process.env['PGWITNESS_TEMPLATES']
  if (templates === undefined) return await runInitdb(place, place.data)
  const key = createHash('sha256').update(place.bin).digest('hex').slice(0, 16)
  const template = join(templates, key)
  await makeOnce(template, basename(place.scratch), (path) => runInitdb(place, path))
  await run('cp', ['-R', '-p', template, place.data], place)
}

/**
 * Has a directory made unless it is there: under a name of its own first, since others look for it
 * at any time, and may be making the same.
 */
export async function makeOnce(
  path: string,
  maker: string,
  make: (path: string) => Promise<void>,
): Promise<void> {
  if (existsSync(path)) return
  const own = `${path}.${maker}`
  await make(own)
  try {
    renameSync(own, path)
  } catch (error) {
    rmSync(own, { recursive: true })
    if (!existsSync(path)) throw error
  }
}

async function runInitdb(place: DataDirectoryPlace, data: string): Promise<void> {
  const password_file = join(place.scratch, 'password')
  writeFileSync(password_file, `${password}\n`, { mode: 0o600 })
  const { identity } = place
  if (identity !== undefined) chownSync(password_file, identity.uid, identity.gid)
  const options = ['-U', 'postgres', '-A', 'scram-sha-256', '-E', 'UTF8', '--locale=C']
  const line = ['-D', data, ...options, `--pwfile=${password_file}`, '--no-sync']
  await run(join(place.bin, 'initdb'), [...line, '--no-instructions'], place)
  rmSync(password_file)
}

/** Runs a program as the server's user to its end. */
async function run(
  program: string,
  line: readonly string[],
  { scratch, identity }: DataDirectoryPlace,
): Promise<void> {
  const child = spawn(program, line, {
    cwd: scratch,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...identity,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${basename(program)} failed with ${code}: ${output}`)
}

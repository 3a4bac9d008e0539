import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Places, type Recipe, succeeds } from './recipes.js'

const run = promisify(execFile)
const source_root = fileURLToPath(new URL('.', import.meta.url))
const cache_root = fileURLToPath(new URL('../../.drivers', import.meta.url))
const install_ms = 840_000

/** A driver that is ready, or why it is not. */
export type Installed =
  | { readonly ready: true; readonly places: Places }
  | { readonly ready: false; readonly reason: string }

/**
 * Installs a driver into .drivers, unless that was done for the same program and manifest. Throws
 * when its program does not compile.
 */
export async function install(recipe: Recipe): Promise<Installed> {
  const places = { source: join(source_root, recipe.name), cache: join(cache_root, recipe.name) }
  const missing = recipe.needs.filter((program) => !succeeds('sh', '-c', `command -v ${program}`))
  if (missing.length > 0) {
    return { ready: false, reason: `${missing.join(', ')} not found; needs ${recipe.hint}` }
  }
  const stamp_file = join(places.cache, 'installed')
  const stamp = digestOf(places.source)
  if (existsSync(stamp_file) && readFileSync(stamp_file, 'utf8') === stamp) {
    return { ready: true, places }
  }
  rmSync(stamp_file, { force: true })
  mkdirSync(places.cache, { recursive: true })
  const options = { cwd: places.cache, timeout: install_ms }
  try {
    for (const [program, ...args] of recipe.fetch(places)) await run(program, args, options)
  } catch (error) {
    return { ready: false, reason: `could not be installed: ${lastLinesOf(error)}` }
  }
  for (const [program, ...args] of recipe.build?.(places) ?? []) await run(program, args, options)
  writeFileSync(stamp_file, stamp)
  return { ready: true, places }
}

/** A hash over the files of a driver's folder: its program and its manifest. */
function digestOf(folder: string): string {
  const hash = createHash('sha256')
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'Cargo.lock')
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  for (const name of names) hash.update(name).update('\0').update(readFileSync(name)).update('\0')
  return hash.digest('hex')
}

/** The end of what a failed installation said. */
function lastLinesOf(error: unknown): string {
  const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
  const text = said === '' ? String(error) : said
  return text.split('\n').slice(-12).join('\n')
}

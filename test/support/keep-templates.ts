import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serverIdentity } from './server-identity.js'

/**
 * Before all tests of a run: a place for data directories that scratch servers are copied from
 * (test/support/data-directory.ts). The function that it gives removes it after the last test.
 */
export function setup(): (() => void) | undefined {
  // Each project of vitest.config.ts comes by here.
  if (process.env['PGWITNESS_TEMPLATES'] !== undefined) return undefined
  const directory = mkdtempSync(join(tmpdir(), 'pgwitness-templates-'))
  chmodSync(directory, 0o755)
  const identity = serverIdentity()
  if (identity !== undefined) chownSync(directory, identity.uid, identity.gid)
  process.env['PGWITNESS_TEMPLATES'] = directory
  return () => rmSync(directory, { recursive: true, force: true })
}

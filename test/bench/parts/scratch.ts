import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serverIdentity } from '../../support/server-identity.js'

const root = mkdtempSync(join(tmpdir(), 'pgwitness-bench-'))
chmodSync(root, 0o755)
process.once('exit', () => rmSync(root, { recursive: true, force: true, maxRetries: 3 }))

/** A new directory below the one of this run, which goes with it. */
export function scratchDirectory(name: string): string {
  const path = join(root, name)
  mkdirSync(path)
  return path
}

/** One that belongs to the user that programs run as that refuse to be root. */
export function unprivilegedDirectory(name: string): string {
  const path = scratchDirectory(name)
  const identity = serverIdentity()
  if (identity !== undefined) chownSync(path, identity.uid, identity.gid)
  return path
}

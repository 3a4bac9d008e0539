import { readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/** A user that a process may run as. */
export interface Account {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/**
 * The account that a server of ours runs as: PostgreSQL refuses to run as root, so root hands it
 * to `postgres`, else `nobody`. Undefined means as we are.
 */
export function serverAccount(): Account | undefined {
  if (process.geteuid?.() !== 0) return undefined
  const accounts = readAccounts()
  return accounts.get('postgres') ?? accounts.get('nobody')
}

/** The accounts of /etc/passwd; root's and malformed lines are left out. */
function readAccounts(): ReadonlyMap<string, Account> {
  const accounts = new Map<string, Account>()
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [name, , uid_text, gid_text] = line.split(':')
    const [uid, gid] = [Number(uid_text), Number(gid_text)]
    if (name === undefined || !Number.isInteger(uid) || !Number.isInteger(gid) || uid === 0)
      continue
    accounts.set(name, { name, uid, gid })
  }
  return accounts
}

const read_bit = 4
const execute_bit = 1

/**
 * Whether an account may read a file, and run it where it is a program: the permission bits of the
 * file and of every directory above it. We are root here, whose own access says nothing.
 */
export function isReachable(file: string, account: Account, is_program: boolean): boolean {
  const wanted_bits = is_program ? read_bit | execute_bit : read_bit
  if (!allows(file, account, wanted_bits)) return false
  for (let path = dirname(resolve(file)); ; path = dirname(path)) {
    if (!allows(path, account, execute_bit)) return false
    if (path === dirname(path)) return true
  }
}

function allows(path: string, account: Account, bits: number): boolean {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return false
  const shift = stats.uid === account.uid ? 6 : stats.gid === account.gid ? 3 : 0
  return ((stats.mode >> shift) & bits) === bits
}

import { type BigIntStats, linkSync, lstatSync, renameSync, unlinkSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** Time for a process that has made its socket to listen on it, in milliseconds. */
const second_look_ms = 50

/** What stands where a socket is to be: `free` when nothing does any more. */
export type SocketPlace = 'free' | 'alive' | 'no socket'

/**
 * Looks who is behind the socket file that keeps us from listening, and removes it when its
 * process is gone without having done so: after a crash it would be in the way for ever. Files
 * that are no sockets are never touched.
 */
export async function removeDeadSocket(path: string): Promise<SocketPlace> {
  const found = statOrUndefined(path)
  if (found === undefined) return 'free'
  if (!found.isSocket()) return 'no socket'
  if (!(await refuses(path))) return 'alive'
  // Between its bind and its listen a socket refuses as well.
  await sleep(second_look_ms)
  if (!(await refuses(path))) return 'alive'
  // Another process may have found the same and may be listening here by now. So the file is not
  // removed but moved, and looked at before it is given up: a socket can be moved while it serves.
  const aside = `${path}.${process.pid}.dead`
  try {
    renameSync(path, aside)
  } catch (error) {
    if (isMissing(error)) return 'free'
    throw error
  }
  const moved = lstatSync(aside, { bigint: true })
  if (isSame(moved, found)) {
    unlinkSync(aside)
    return 'free'
  }
  linkSync(aside, path)
  unlinkSync(aside)
  return 'alive'
}

/** Numbers of removed files are given out again at once, so its age counts as well. */
function isSame(one: BigIntStats, other: BigIntStats): boolean {
  return one.ino === other.ino && one.dev === other.dev && one.mtimeNs === other.mtimeNs
}

/** True when nobody listens: a full queue, or a socket that we may not use, is somebody's. */
function refuses(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(false)
    })
    socket.once('error', (error: Error) => {
      resolve('code' in error && error.code === 'ECONNREFUSED')
    })
  })
}

function statOrUndefined(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

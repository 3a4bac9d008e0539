import { readFileSync } from 'node:fs'

/** The user that a server runs as: PostgreSQL refuses to run as root. */
export interface Identity {
  readonly uid: number
  readonly gid: number
}

/** As root, the user `nobody`; otherwise nothing, and the server runs as who we are. */
export function serverIdentity(): Identity | undefined {
  if (process.getuid?.() !== 0) return undefined
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [name, , uid, gid] = line.split(':')
    if (name === 'nobody') return { uid: Number(uid), gid: Number(gid) }
  }
  throw new Error('the scratch server needs the user nobody in /etc/passwd when run as root')
}

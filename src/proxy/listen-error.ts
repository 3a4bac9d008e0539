import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { WitnessError } from '../errors.js'

/** Why nothing can listen at `where`, `host:port` or the path of a socket, in words that help. */
export function listenError(cause: Error, where: string): WitnessError {
  const code = 'code' in cause ? cause.code : undefined
  const told = `cannot listen on ${where}`
  // libuv says EACCES where the directory of a socket is missing.
  if (where.startsWith('/') && !existsSync(dirname(where))) {
    return new WitnessError('listen.address', `${told}: there is no ${dirname(where)}`, { cause })
  }
  if (code === 'EACCES') {
    return new WitnessError('listen.denied', `${told}: permission denied`, { cause })
  }
  if (code === 'EADDRINUSE') {
    return new WitnessError('listen.in_use', `${told}: it is in use`, { cause })
  }
  if (code === 'EADDRNOTAVAIL') {
    const reason = 'this machine has no such address'
    return new WitnessError('listen.address', `${told}: ${reason}`, { cause })
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    const reason = 'no address is known for that name'
    return new WitnessError('listen.address', `${told}: ${reason}`, { cause })
  }
  return new WitnessError('listen.denied', `${told}: ${cause.message}`, { cause })
}

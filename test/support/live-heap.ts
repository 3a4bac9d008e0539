import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

/** Bytes of the heap that are really in use: garbage is collected first, so that chance has no say. */
export function liveHeapBytes(): number {
  collect()
  return process.memoryUsage().heapUsed
}

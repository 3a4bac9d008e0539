import type { Config } from './config.js'
import { effectiveConfig, type Printable } from './effective-config.js'

/** A key whose effective value has changed; an absent side is a key that was, or is, not there. */
export interface ConfigChange {
  readonly key: string
  readonly old?: Printable
  readonly new?: Printable
}

/** What a running pgwitness takes over; everything else was used up at its start. */
const reloadable = [
  /^rules$/,
  /^object_audit\./,
  /^server_log\.level$/,
  /^audit\.retain\./,
  /^(listen|upstream)\.tls\.(cert|key|client_ca|ca)$/,
  /^catalog\.password(_file)?$/,
]

/** True for a key that counts only after a restart. */
export function needsRestart({ key }: ConfigChange): boolean {
  return !reloadable.some((pattern) => pattern.test(key))
}

/** The keys that differ, in the order of the file, with their values as the file would say them. */
export function configChanges(old: Config, next: Config): readonly ConfigChange[] {
  const before = leavesOf(effectiveConfig(old), '')
  const after = leavesOf(effectiveConfig(next), '')
  const changes: ConfigChange[] = []
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    const [was, is] = [before.get(key), after.get(key)]
    if (JSON.stringify(was) === JSON.stringify(is)) continue
    changes.push({
      key,
      ...(was === undefined ? {} : { old: was }),
      ...(is === undefined ? {} : { new: is }),
    })
  }
  // A secret is told by its name alone.
  if (old.catalog?.password !== next.catalog?.password) changes.push({ key: 'catalog.password' })
  return changes
}

/** Lists are one value: their entries have no names. */
function leavesOf(
  map: { readonly [key: string]: Printable },
  path: string,
): Map<string, Printable> {
  const leaves = new Map<string, Printable>()
  for (const [name, value] of Object.entries(map)) {
    const key = path === '' ? name : `${path}.${name}`
    if (isMap(value)) for (const [below, leaf] of leavesOf(value, key)) leaves.set(below, leaf)
    else leaves.set(key, value)
  }
  return leaves
}

function isMap(value: Printable): value is { readonly [key: string]: Printable } {
  return typeof value === 'object' && !Array.isArray(value)
}

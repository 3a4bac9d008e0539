/**
 * What a replication connection may do: `physical` knows no database and no SQL, `logical` takes SQL
 * and replication commands side by side.
 */
export type ReplicationMode = 'physical' | 'logical'

/** As parse_bool in bool.c, for the words that mean true: case does not count, prefixes do. */
const true_word = /^(?:on|t|tr|tru|true|y|ye|yes|1)$/i

/**
 * What the startup parameter `replication` asks for; undefined for an ordinary session, and for a
 * value that the server refuses. Source: src/backend/tcop/backend_startup.c
 * (ProcessStartupPacket).
 */
export function replicationMode(value: string | undefined): ReplicationMode | undefined {
  if (value === undefined) return undefined
  if (value === 'database') return 'logical'
  return true_word.test(value) ? 'physical' : undefined
}

/**
 * What two values of the parameter in one packet come to: a later one decides whether this is a
 * replication connection, but the server does not forget that `database` was asked for.
 */
export function mergedReplication(earlier: string | undefined, later: string): string {
  return earlier === 'database' && replicationMode(later) !== undefined ? earlier : later
}

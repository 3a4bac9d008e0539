import type { Config } from './config.js'
import type { ParsedConfigFile } from './schema.js'

/** What the file does not say but the machine or the environment does. */
export interface Surroundings {
  readonly host_name: string
  /** Password of the catalog's role, from its file or PGPASSWORD. */
  readonly password: string | undefined
}

/** Gives the values of the file the names of the contract, in which the units stand. */
export function normalise(file: ParsedConfigFile, surroundings: Surroundings): Config {
  return {
    instance: file.instance ?? surroundings.host_name,
    listen: file.listen,
    upstream: file.upstream,
    ...(file.catalog === undefined
      ? {}
      : { catalog: catalogOf(file.catalog, surroundings.password) }),
    audit: auditOf(file.audit),
    ...(file.rules === undefined ? {} : { rules: file.rules }),
    ...(file.object_audit === undefined ? {} : { object_audit: file.object_audit }),
    server_log: { ...file.server_log, rotate: { age_ms: file.server_log.rotate.age } },
    ...(file.admin === undefined ? {} : { admin: file.admin }),
    limits: {
      connections: file.limits.connections,
      startup_timeout_ms: file.limits.startup_timeout,
      ...(file.limits.idle_timeout === undefined
        ? {}
        : { idle_timeout_ms: file.limits.idle_timeout }),
      message_bytes: file.limits.message,
      analysed_bytes: file.limits.analysed,
    },
    drain_ms: file.drain,
  }
}

function catalogOf(
  catalog: NonNullable<ParsedConfigFile['catalog']>,
  password: string | undefined,
): NonNullable<Config['catalog']> {
  const { refresh, ...rest } = catalog
  return { ...rest, ...(password === undefined ? {} : { password }), refresh_ms: refresh }
}

function auditOf(audit: ParsedConfigFile['audit']): Config['audit'] {
  return {
    directory: audit.directory,
    directory_mode: audit.directory_mode,
    file_mode: audit.file_mode,
    format: audit.format,
    rotate: { age_ms: audit.rotate.age, size_bytes: audit.rotate.size },
    retain: {
      ...(audit.retain.age === undefined ? {} : { age_ms: audit.retain.age }),
      ...(audit.retain.files === undefined ? {} : { files: audit.retain.files }),
      ...(audit.retain.size === undefined ? {} : { size_bytes: audit.retain.size }),
    },
    durability: audit.durability,
    flush: {
      interval_ms: audit.flush.interval,
      sync_ms: audit.flush.sync,
      size_bytes: audit.flush.size,
    },
    queue_bytes: audit.queue,
    start_after_ms: audit.start_after,
    stuck_timeout_ms: audit.stuck_timeout,
    on_failure: audit.on_failure,
    accept_unaudited: audit.accept_unaudited,
    parameters: audit.parameters,
    parameter_max_bytes: audit.parameter_max,
    statement_max_bytes: audit.statement_max,
    seal: {
      ...(audit.seal.key === undefined ? {} : { key: audit.seal.key }),
      ...(audit.seal.copy === undefined ? {} : { copy: audit.seal.copy }),
      every_ms: audit.seal.every,
      records: audit.seal.records,
    },
    time_zone: audit.time_zone,
  }
}

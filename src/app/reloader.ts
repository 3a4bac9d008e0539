import type { Logger } from 'pino'
import type { DatabaseCatalogSource } from '../catalog/catalog-source.js'
import { certificateNotices } from '../config/certificate-dates.js'
import type { Config } from '../config/config.js'
import { type ConfigChange, configChanges, needsRestart } from '../config/config-changes.js'
import { ConfigError } from '../config/config-error.js'
import { WitnessError } from '../errors.js'
import type { Clock } from '../lib/clock.js'
import type { Metrics } from '../ops/metrics.js'
import { loadTlsMaterial, type ReloadableTls } from '../proxy/tls-material.js'
import { compileRules } from '../rules/compile-rules.js'
import type { RuleSet } from '../rules/decision.js'
import type { ReloadableRules } from '../rules/reloadable-rules.js'
import type { FileTrail } from '../trail/file-trail.js'

/** A clock that was set back is noticed within this time, in milliseconds. */
const correct_ms = 1_000

/** An operator who waits for a reload is told why after this time, in milliseconds. */
const patience_ms = 10_000

/** What a reload changes. */
export interface ReloaderParts {
  /** The configuration that counts. */
  readonly live: { config: Config }
  readonly rules: ReloadableRules
  readonly tls: ReloadableTls
  readonly catalog: DatabaseCatalogSource
  readonly trail: FileTrail
  readonly log: Logger
  readonly metrics: Pick<Metrics, 'reloaded'>
  readonly clock: Clock
}

/** A configuration that can be taken over as a whole. */
interface Accepted {
  readonly config: Config
  readonly changes: readonly ConfigChange[]
  readonly rules: RuleSet
  readonly tls: ReturnType<typeof loadTlsMaterial>
}

/**
 * Takes over what may change under way: rules, TLS files, log level, retention. All of it or
 * nothing: what runs is always one configuration that the operator has written. A new one counts
 * when the record of the change is on disk, never before.
 */
export class Reloader {
  readonly #parts: ReloaderParts
  #running: Promise<void> | undefined
  #again: (() => Config) | undefined
  #correcting: NodeJS.Timeout | undefined
  #closed = false

  constructor(parts: ReloaderParts) {
    this.#parts = parts
  }

  /** Never rejects: what is wrong is told in the server log, and what runs goes on. */
  reload(load: () => Config): Promise<void> {
    this.#again = load
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#correcting)
  }

  /** Whoever asks while a reload is under way gets one behind it. */
  async #run(): Promise<void> {
    for (let load = this.#again; load !== undefined && !this.#closed; load = this.#again) {
      this.#again = undefined
      try {
        await this.#takeOver(this.#examine(load()))
        this.#parts.metrics.reloaded(true, this.#parts.clock.nowMicroseconds())
      } catch (error) {
        this.#parts.metrics.reloaded(false, this.#parts.clock.nowMicroseconds())
        this.#refused(error)
      }
    }
  }

  /** Everything that can be wrong is found before anything is changed. */
  #examine(config: Config): Accepted {
    const { live, tls } = this.#parts
    const changes = configChanges(live.config, config)
    const barred = changes.filter(needsRestart).map(({ key }) => key)
    if (barred.length > 0) {
      const verb = barred.length === 1 ? 'changes' : 'change'
      throw new WitnessError(
        'config.needs_restart',
        `${barred.join(', ')} ${verb} by a restart only`,
      )
    }
    const rules = compileRules(config, config.audit.time_zone)
    const material = loadTlsMaterial(config.listen, config.upstream.tls)
    const files = fileChanges(tls.fingerprints, material.fingerprints)
    return { config, changes: [...changes, ...files], rules, tls: material }
  }

  async #takeOver({ config, changes, rules, tls }: Accepted): Promise<void> {
    const { live, log, clock } = this.#parts
    await this.#record(changes)
    if (this.#closed) return
    const now_us = clock.nowMicroseconds()
    // Without a change statements in flight need no rules of their own.
    if (changes.some(({ key }) => key === 'rules' || key.startsWith('object_audit.'))) {
      this.#parts.rules.replace(rules, now_us)
      this.#correcting ??= setInterval(
        () => this.#parts.rules.correct(clock.nowMicroseconds()),
        correct_ms,
      ).unref()
    }
    this.#parts.catalog.setAuditRole(config.object_audit?.role)
    this.#parts.tls.replace(tls)
    this.#parts.trail.setRetention(config.audit.retain)
    live.config = config
    for (const { message, ...notice } of certificateNotices(config, Date.now())) {
      log.warn(notice, message)
    }
    const keys = changes.map(({ key }) => key)
    const level = config.server_log.level
    const is_wider = (log.levels.values[level] ?? 0) < log.levelVal
    if (is_wider) log.level = level
    log.info({ code: 'config.reloaded', changed: keys }, 'the configuration was reloaded')
    log.level = level
  }

  /** Resolves when the record is where records are safe, however long that takes. */
  async #record(changes: readonly ConfigChange[]): Promise<void> {
    const { trail, clock, log } = this.#parts
    const record = {
      time_us: clock.nowMicroseconds(),
      class: 'AUDIT',
      command: 'audit.config',
      detail: { changes },
    } as const
    const timer = setTimeout(() => {
      log.warn({}, 'the reload waits until its record can be written to the trail')
    }, patience_ms)
    try {
      while (!this.#closed && !trail.append_record(record)) {
        await new Promise<void>((resolve) => trail.when_writable(resolve))
      }
      await trail.flush()
    } finally {
      clearTimeout(timer)
    }
  }

  #refused(error: unknown): void {
    const { log } = this.#parts
    const stays = 'the configuration was not reloaded; the one that runs stays'
    if (error instanceof ConfigError) {
      log.error({ code: error.code, issues: error.issues }, `${stays}: ${error.message}`)
    } else if (error instanceof WitnessError) {
      log.error({ code: error.code, hint: error.hint }, `${stays}: ${error.message}`)
    } else {
      log.error({ err: error }, stays)
    }
  }
}

/** Files that hold something else than before, whether or not they have other names. */
function fileChanges(
  old: Readonly<Record<string, string>>,
  next: Readonly<Record<string, string>>,
): ConfigChange[] {
  const options = new Set([...Object.keys(old), ...Object.keys(next)])
  return [...options].flatMap((option) => {
    const [was, is] = [old[option], next[option]]
    if (was === is) return []
    return [
      {
        key: `${option}.sha256`,
        ...(was === undefined ? {} : { old: was }),
        ...(is === undefined ? {} : { new: is }),
      },
    ]
  })
}

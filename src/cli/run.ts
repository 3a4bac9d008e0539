import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config/config.js'
import type { ConfigFlags } from '../config/flags.js'
import { loadConfig } from '../config/load.js'
import { limits } from '../lib/limits.js'
import { describeError } from './report-error.js'
import { listenForStop } from './stop-signals.js'

/** What `pgwitness run` was asked for. */
export interface RunOptions {
  readonly file?: string
  readonly flags: ConfigFlags
}

/**
 * Runs the proxy until SIGTERM or SIGINT, or until it may not go on (`audit.on_failure: shutdown`).
 * Gives the exit status.
 */
export async function run(options: RunOptions): Promise<number> {
  const { file, flags } = options
  const load = () =>
    loadConfig({ ...(file === undefined ? {} : { file }), env: process.env, flags })
  const config = load()
  let hungUp = () => {
    // Too early: what was read may be older than the signal, so it is read again once all is up.
    asked_early = true
  }
  let asked_early = false
  const signals = listenForStop(() => hungUp())
  const { startApp } = await import('../app.js')
  const app = await startApp(config, { look: true })
  process.stderr.write(`pgwitness: ${listeningLine(config, app.address)}\n`)
  hungUp = () => void app.reload(load)
  if (asked_early) hungUp()
  const ended = await Promise.race([signals.requested, app.failed])
  const by_signal = typeof ended === 'string'
  if (!by_signal) process.stderr.write(describeError(ended))
  let status = by_signal ? 0 : 1
  try {
    await app.stop(by_signal ? ended : ended.message)
  } catch (error) {
    process.stderr.write(describeError(error))
    status = 1
  }
  signals.release()
  if (app.trail.state.stuck) await endByForce()
  return status
}

/**
 * A thread in a system call that does not come back keeps the process from ending by itself. What
 * was said goes out first, if somebody reads it.
 */
async function endByForce(): Promise<void> {
  process.stderr.write('pgwitness: a system call does not come back: ending by force\n')
  await sleep(limits.last_words_ms)
  process.kill(process.pid, 'SIGKILL')
}

/** How to connect, to what, and where the records go. */
function listeningLine(
  config: Config,
  address: { readonly host: string; readonly port: number },
): string {
  const { upstream, audit } = config
  const upstream_name = `${upstream.host}:${upstream.port}`
  const connect = `psql -h ${connectHost(address.host)} -p ${address.port}`
  const file = join(audit.directory, 'current')
  return `listening on ${address.host}:${address.port} for ${upstream_name}; connect with ${connect}; records in ${file}`
}

/** Nobody connects to "any address". */
function connectHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  return host === '::' ? '::1' : host
}

import { once } from 'node:events'
import { loadConfig } from '../config/load.js'
import { WitnessError } from '../errors.js'
import { type FollowedLine, followTrail } from '../trail/follow-trail.js'
import { compileFilter, type TailFilter, wantsAll } from './tail-filter.js'
import { outputOf, recordOf, type TailFormat, type TailTarget } from './tail-output.js'
import { findStart } from './tail-start.js'

/** What `pgwitness tail` was asked for. */
export interface TailOptions {
  /** Absent: the directory of the configuration. */
  readonly directory?: string
  readonly config?: string
  readonly filter: TailFilter
  readonly format: TailFormat
  /** Records before the end to begin with; infinity for all that are wanted. */
  readonly lines: number
  readonly follow: boolean
  /** False by `--no-color`. */
  readonly colour: boolean
}

/** Shows the records of a trail as they come, until it is interrupted or nobody reads any more. */
export async function tail(options: TailOptions): Promise<number> {
  const directory = options.directory ?? configuredDirectory(options.config)
  const matches = compileFilter(options.filter)
  const all = wantsAll(options.filter)
  const wanted = (line: FollowedLine) => all || matches(recordOf(line))
  const end = new AbortController()
  const stop = () => end.abort()
  process.on('SIGINT', stop).on('SIGTERM', stop)
  // A reader that has gone away, as `head` does, has seen enough.
  process.stdout.on('error', stop)
  try {
    await show(directory, wanted, options, end.signal)
    return 0
  } catch (error) {
    if (!(error instanceof Error) || !('syscall' in error)) throw error
    throw new WitnessError('tail.unreadable', error.message, { cause: error })
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop)
    process.stdout.off('error', stop)
  }
}

function configuredDirectory(file: string | undefined): string {
  const config = loadConfig({ ...(file === undefined ? {} : { file }), env: process.env })
  return config.audit.directory
}

async function show(
  directory: string,
  wanted: (line: FollowedLine) => boolean,
  options: TailOptions,
  signal: AbortSignal,
): Promise<void> {
  const { since_us } = options.filter
  const since_ms = since_us === undefined ? undefined : since_us / 1_000
  const start = await findStart(directory, wanted, options.lines, since_ms, signal)
  if (start.cut_short) {
    const text = 'only the newest files were searched for earlier records; --since looks further'
    process.stderr.write(`pgwitness: ${text}\n`)
  }
  // Numbers begin with 1. The directory above it, or one beside it, would be followed for ever.
  if (start.first_number === 0) {
    const next = options.follow ? '; waiting for the first' : ''
    process.stderr.write(`pgwitness: no audit file in ${directory}${next}\n`)
  }
  const target = targetOf(options)
  const { first_number } = start
  let skipped = start.skipped
  for await (const line of followTrail({
    ...{ directory, first_number, follow: options.follow, signal },
  })) {
    if (!wanted(line)) continue
    if (skipped > 0) skipped--
    else await write(outputOf(line, target), signal)
  }
}

/** See https://no-color.org for the variable. */
function targetOf({ format, colour }: TailOptions): TailTarget {
  const { stdout, env } = process
  const terminal = stdout.isTTY === true
  const refused = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb'
  return {
    format,
    terminal,
    colour: colour && terminal && !refused,
    width: () => (terminal && stdout.columns > 0 ? stdout.columns : Number.MAX_SAFE_INTEGER),
  }
}

/** Waits for a reader that is slower than the trail. */
async function write(text: string, signal: AbortSignal): Promise<void> {
  if (signal.aborted || process.stdout.write(text)) return
  await once(process.stdout, 'drain', { signal }).catch(() => {})
}

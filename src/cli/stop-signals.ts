/** Waits for the wish to stop. */
export interface StopSignals {
  /** Resolves with the name of the first SIGTERM or SIGINT. */
  readonly requested: Promise<string>
  /** Gives the signals back to their defaults. */
  release(): void
}

/** What the shell says of a process that SIGINT ended. */
const interrupted_status = 130

/**
 * Listens for SIGTERM and SIGINT: the first asks for an orderly stop, the second ends the process
 * at once. SIGHUP, which would end it, is answered with a line.
 */
export function listenForStop(): StopSignals {
  let resolveRequested: (signal: string) => void = () => {}
  let is_requested = false
  const requested = new Promise<string>((resolve) => {
    resolveRequested = resolve
  })
  const stop = (signal: NodeJS.Signals): void => {
    if (is_requested) {
      process.stderr.write(`pgwitness: ${signal} again: ending without waiting for sessions\n`)
      process.exit(interrupted_status)
    }
    is_requested = true
    process.stderr.write(`pgwitness: ${signal}: stopping; once more ends at once\n`)
    resolveRequested(signal)
  }
  const stay = (): void => {
    const text = 'SIGHUP: this version does not reload its configuration; restart it instead'
    process.stderr.write(`pgwitness: ${text}\n`)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  process.on('SIGHUP', stay)
  return {
    requested,
    release() {
      process.off('SIGTERM', stop)
      process.off('SIGINT', stop)
      process.off('SIGHUP', stay)
    },
  }
}

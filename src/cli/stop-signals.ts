/** Waits for the wish to stop. */
export interface StopSignals {
  /** Resolves with the name of the first SIGTERM or SIGINT. */
  readonly requested: Promise<string>
  /** Gives the signals back to their defaults. */
  release(): void
}

/** What the shell says of a process that SIGINT ended. */
const interrupted_status = 130

/** What SIGHUP is answered with where there is no configuration to be read again. */
function stay(): void {
  process.stderr.write('pgwitness: SIGHUP: there is nothing to reload here\n')
}

/**
 * Listens for SIGTERM and SIGINT: the first asks for an orderly stop, the second ends the process
 * at once. SIGHUP, which would end it, asks for a reload.
 */
export function listenForStop(hangup: () => void = stay): StopSignals {
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
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  process.on('SIGHUP', hangup)
  return {
    requested,
    release() {
      process.off('SIGTERM', stop)
      process.off('SIGINT', stop)
      process.off('SIGHUP', hangup)
    },
  }
}

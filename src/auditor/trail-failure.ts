import type { TapViolation } from '../proxy/tap.js'
import type { TrailFailing } from '../trail/trail.js'

const hint = 'Its operator should see the server log of the audit proxy.'

/** What a session is told that asks for something while records can be kept nowhere. */
export function askRefusal(failing: TrailFailing): TapViolation {
  if (failing === 'shutdown') {
    // Source: the SQLSTATE of src/backend/tcop/postgres.c, ProcessInterrupts, for a shutdown.
    const message =
      'terminating connection: the audit proxy shuts down, since it cannot keep records'
    return { sqlstate: '57P01', message, hint, patient: true }
  }
  const message = 'the audit proxy cannot keep a record of what is asked'
  return { sqlstate: '58030', message, hint, patient: true }
}

/**
 * What a session is told that waits for an answer whose record can be kept nowhere: it may have
 * committed. Source: transaction_resolution_unknown in PostgreSQL's errcodes.txt.
 */
export const outcome_lost: TapViolation = {
  sqlstate: '08007',
  message: 'the outcome of what was asked is not told, since no record of it can be kept',
  hint,
}

/** What a login is told then: nothing of it reaches the server. */
export function loginRefusal(failing: TrailFailing): TapViolation {
  const message =
    failing === 'shutdown'
      ? 'the audit proxy shuts down, since it cannot keep records'
      : 'the audit proxy cannot keep records now'
  return { sqlstate: '57P03', message, hint }
}

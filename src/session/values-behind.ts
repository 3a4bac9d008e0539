import type { Fifo } from '../lib/fifo.js'
import { limits } from '../lib/limits.js'
import type { Conversation } from './conversation.js'
import type { BoundValues, DescribeRequest, ParseRequest, SessionEvent } from './requests.js'

/**
 * A Parse, or the Describe of a statement, that fails is the record of its statement. The values
 * that the statement was meant to run with are in a Bind behind it, which the server skips. Drivers
 * send it along, but it may arrive after the error, so the record waits for the Sync up to which
 * the server skips everything: what was sent does not depend on the moment then.
 */

/** True for a failure whose values, if it has any, are in a Bind behind it. */
export function lacksValues(event: SessionEvent): event is ParseRequest | DescribeRequest {
  if (event.fate !== 'failed') return false
  return event.kind === 'parse' || (event.kind === 'describe' && event.target === 'statement')
}

/** True while the client has not sent the Sync behind a failure, nor so much that we go on. */
export function mayStillCome(conversation: Conversation): boolean {
  return conversation.awaitsSync && conversation.events.length < limits.skipped_ahead
}

/** The values of the first skipped Bind of the statement that failed, the oldest event. */
export function valuesBehind(
  failed: ParseRequest | DescribeRequest,
  events: Fifo<SessionEvent>,
): BoundValues | undefined {
  if (!lacksValues(failed)) return undefined
  for (let index = 1; index < limits.skipped_ahead; index++) {
    const event = events.at(index)
    // Another Parse may give the name another text.
    if (event === undefined || event.fate !== 'skipped' || event.kind === 'parse') return undefined
    if (event.kind === 'bind' && event.statement === failed.name) return event.bound
  }
  return undefined
}

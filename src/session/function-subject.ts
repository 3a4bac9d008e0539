import { type Subject, unseen_effects } from './execution-builder.js'
import type { FunctionCallRequest } from './requests.js'

/** The large object functions of pg_proc.dat: libpq calls them by FunctionCall all the time. */
const large_object_functions: ReadonlySet<number> = new Set([
  715, 764, 765, 952, 953, 954, 955, 956, 957, 958, 964, 1004, 3170, 3171, 3172,
])

/**
 * A FunctionCall as something that is run: its function is only a number here, so that it may have
 * done anything to the session.
 */
export function functionSubject(event: FunctionCallRequest): Subject {
  return {
    protocol: 'function',
    step: 'FunctionCall',
    text: undefined,
    status: 'parsed',
    statement: undefined,
    bound: event.bound,
    function_oid: event.oid,
    start_us: event.time_us,
    effects: large_object_functions.has(event.oid) ? [] : unseen_effects,
  }
}

import { ConfigError } from '../config/config-error.js'
import { WitnessError } from '../errors.js'

/**
 * An error as a person at a terminal needs it: what we raise on purpose is a message and a hint;
 * anything else is a bug, whose stack is wanted.
 */
export function describeError(error: unknown): string {
  if (error instanceof ConfigError) return `pgwitness: ${error.code}: ${error.message}\n`
  if (error instanceof WitnessError) {
    return `pgwitness: ${error.code}: ${error.message}\n  hint: ${error.hint}\n`
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return `pgwitness: unexpected error, please report it\n${text}\n`
}

import type { CallKind } from './secret-names.js'

/** Special calls within each other that are told apart. */
export const max_frames = 16

/** An open call whose arguments are read in a special way. */
export interface Frame {
  readonly kind: CallKind
  readonly depth: number
  /** For set_config: which argument we are in, and what the first one was. */
  argument: number
  first: 'nothing' | 'harmless' | 'doubtful'
  secret: boolean
}

/** Moves to the next argument of set_config: after the first one it is known what is set. */
export function nextArgument(frame: Frame): void {
  frame.argument++
  if (frame.argument === 1 && frame.first !== 'harmless') frame.secret = true
}

/** An invariant of our own broke: a bug here, never a peer's doing. */
export class InvariantError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'InvariantError'
  }
}

/** Throws when an invariant of our own does not hold. Input from outside is never checked by this. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message)
}

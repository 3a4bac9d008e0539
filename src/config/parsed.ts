/**
 * What reading one value gives: the value in the units of the program, or the reason why it is
 * refused and what to write instead. Reasons are written so that they follow the quoted value
 * (`"50" has no unit`); hints are whole instructions.
 */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | {
      readonly ok: false
      readonly reason: string
      readonly hint: string
    }

/** A reader of one value of the configuration. */
export type Parse<T> = (input: unknown) => Parsed<T>

/** Accepts a value. */
export function accepted<T>(value: T): Parsed<T> {
  return { ok: true, value }
}

/** Refuses a value; see `Parsed` for how `reason` and `hint` are worded. */
export function refused(
  reason: string,
  hint: string,
): {
  readonly ok: false
  readonly reason: string
  readonly hint: string
} {
  return { ok: false, reason, hint }
}

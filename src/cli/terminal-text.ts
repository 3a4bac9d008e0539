/**
 * Text from outside as a terminal may show it: one line, and no control characters, which could
 * move the cursor over what was printed before.
 */
export function oneLine(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '\u{fffd}')
    .trim()
}

/** Cuts text to a width in characters, with an ellipsis where something is missing. */
export function cutTo(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`
}

import { redacted } from './secret-names.js'

/** A part of a text, in UTF-16 code units, and what is written in its place. */
export interface Span {
  readonly start: number
  /** Exclusive. */
  readonly end: number
  readonly text: string
}

/** Writes the replacements into the text. Where spans overlap, all of what they cover goes. */
export function applySpans(text: string, spans: readonly Span[]): string {
  if (spans.length === 0) return text
  const sorted = [...spans].sort((left, right) => left.start - right.start || right.end - left.end)
  let result = ''
  let position = 0
  let pending: Span | undefined
  for (const span of sorted) {
    if (pending !== undefined && span.start < pending.end) {
      pending = joinSpans(pending, span)
      continue
    }
    if (pending !== undefined) {
      result += text.slice(position, pending.start) + pending.text
      position = pending.end
    }
    pending = span
  }
  if (pending !== undefined) {
    result += text.slice(position, pending.start) + pending.text
    position = pending.end
  }
  return result + text.slice(position)
}

/** True for a replacement that keeps nothing of what it replaces. */
function keepsNothing(span: Span): boolean {
  return span.text.length <= redacted.length + 2 && span.text.includes(redacted)
}

/** One span for two that overlap; `left` begins first. */
function joinSpans(left: Span, right: Span): Span {
  if (left.end >= right.end && (keepsNothing(left) || left.text === right.text)) return left
  if (left.start === right.start && keepsNothing(right)) {
    return { ...right, end: Math.max(left.end, right.end) }
  }
  return { start: left.start, end: Math.max(left.end, right.end), text: redacted }
}

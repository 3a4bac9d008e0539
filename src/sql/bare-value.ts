/** Where a value without quotes begins behind a separator; -1 when a token of its own follows. */
export function bareStart(text: string, from: number): number {
  let position = from
  while (position < text.length && /\s/.test(text.charAt(position))) position++
  if (position >= text.length) return -1
  const ahead = text.slice(position, position + 3)
  return own_token.test(ahead) || no_value.test(text.slice(position, position + 8)) ? -1 : position
}

const own_token = /^(?:['"=:>;,)]|[eEnNbBxX]'|[uU]&['"]|\$\$|\$\d|\/\*|--)/
const no_value = /^(?:null|default|not|true|false)(?:[\s,;)]|$)/i
/** A call with a literal in it: the literal is the value. */
const call = /[A-Za-z_][A-Za-z0-9_.]{0,63}\(\s{0,8}(?:[eE]?'|\$\$)/y

/**
 * The end of a value without quotes. Written close to its equals sign, as in a connection string or
 * a shell, it goes up to the next blank; in SQL it ends with the expression. Equal to `from` when
 * a call stands there.
 */
export function bareEnd(text: string, from: number, close: boolean): number {
  call.lastIndex = from
  if (call.test(text)) return from
  const stops = close ? /\s/ : /[\s,;)]/
  let position = from
  while (position < text.length && !stops.test(text.charAt(position))) {
    position++
  }
  return position
}

import type { Token } from './source-text.js'

/** A function with a body in braces. */
export interface FunctionSpan {
  readonly name: string
  readonly line: number
  /** Lines from the one with its name to the one with its closing brace. */
  readonly lines: number
}

const closing: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}', '${': '}' }

/** Words whose parentheses are followed by a block that is no function. */
const control: ReadonlySet<string> = new Set('if for while switch catch with await'.split(' '))

/** Tokens of a type behind which another part of it must follow. */
const type_goes_on: ReadonlySet<string> = new Set(
  ': | & => < , ( [ ? is readonly keyof typeof infer extends asserts new unique'.split(' '),
)

/** The functions of a file, nested ones and arrows included, in the order of their bodies. */
export function functionSpans(tokens: readonly Token[]): readonly FunctionSpan[] {
  const partner = matchBrackets(tokens)
  const spans: FunctionSpan[] = []
  for (const [index, token] of tokens.entries()) {
    const found =
      token.text === '=>' && tokens[index + 1]?.text === '{'
        ? { body: index + 1, name: '(arrow)', line: token.line }
        : token.text === '('
          ? namedFunction(tokens, partner, index)
          : undefined
    if (token.kind !== 'punctuation' || found === undefined) continue
    const end = tokens[partner.get(found.body) ?? -1]
    if (end === undefined) continue
    spans.push({ name: found.name, line: found.line, lines: end.line - found.line + 1 })
  }
  return spans
}

/** The function whose parameter list opens at the index, if it is one with a body. */
function namedFunction(
  tokens: readonly Token[],
  partner: ReadonlyMap<number, number>,
  index: number,
): { readonly body: number; readonly name: string; readonly line: number } | undefined {
  const name = nameBefore(tokens, index)
  const close = partner.get(index)
  if (name === undefined || close === undefined) return undefined
  const after = tokens[close + 1]?.text
  const body = after === ':' ? endOfType(tokens, partner, close + 2) : close + 1
  if (tokens[body]?.text !== '{') return undefined
  return { body, name: name.text, line: name.line }
}

/** The name (or the word `function`) before a parameter list, behind type parameters if any. */
function nameBefore(tokens: readonly Token[], index: number): Token | undefined {
  let at = index - 1
  if (tokens[at]?.text === '>') {
    for (let depth = 0; at >= 0; at--) {
      if (tokens[at]?.text === '>') depth++
      if (tokens[at]?.text === '<' && --depth === 0) break
    }
    at--
  }
  const token = tokens[at]
  if (token?.kind !== 'word' || control.has(token.text)) return undefined
  return token
}

/** Where the type that begins at the index ends: the first brace that is no part of it. */
function endOfType(
  tokens: readonly Token[],
  partner: ReadonlyMap<number, number>,
  from: number,
): number {
  let at = from
  let angles = 0
  while (at < tokens.length) {
    const token = tokens[at]
    const before = tokens[at - 1]
    if (token === undefined || before === undefined) break
    if (token.text === '<') angles++
    if (token.text === '>') angles--
    const goes_on = type_goes_on.has(before.text)
    if (closing[token.text] !== undefined && token.kind === 'punctuation') {
      if (token.text === '{' && !goes_on) return at
      at = (partner.get(at) ?? at) + 1
      continue
    }
    const is_end = angles === 0 && [';', ')', ']', '}', '=', ','].includes(token.text)
    const two_words = token.kind === 'word' && before.kind === 'word' && !goes_on
    const is_next_statement = two_words && token.text !== 'is' && token.text !== 'extends'
    if (token.kind !== 'string' && (is_end || is_next_statement)) break
    at++
  }
  return -1
}

function matchBrackets(tokens: readonly Token[]): ReadonlyMap<number, number> {
  const partner = new Map<number, number>()
  const open: number[] = []
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== 'punctuation') continue
    if (closing[token.text] !== undefined) open.push(index)
    const last = open.at(-1)
    if (last === undefined || closing[tokens[last]?.text ?? ''] !== token.text) continue
    partner.set(last, index)
    open.pop()
  }
  return partner
}

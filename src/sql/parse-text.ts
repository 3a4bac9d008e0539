import { parseSync, SqlError } from 'libpg-query'
import { analyseText, unparsedFacts } from './analyse-text.js'
import type { TextFacts } from './facts.js'
import { redactRefusedText, redactUnparsedText } from './redact-unparsed.js'
import { SqlTokens } from './sql-tokens.js'

/** The parser's words for "I could not", as against "this is no SQL". */
const exhausted = /^(?:memory exhausted|stack depth limit|invalid memory alloc|out of memory)/i

/** The instance itself has run out of memory: it may fail for every later text. */
const broken = /^out of memory/i

const no_statements: TextFacts = { status: 'parsed', statements: [], weight: 64 }

/**
 * Says what a text is, with the parser of this thread, which must have been loaded. Throws whatever
 * is not a syntax error (RangeError, WebAssembly.RuntimeError): after it the instance is suspect.
 */
export function parseText(text: string): TextFacts {
  // The parser refuses '' although PostgreSQL does not, and reads no further than a U+0000.
  if (text === '') return no_statements
  if (text.includes('\0')) return failedFacts(text, 'unparsed', 'the text contains U+0000')
  try {
    return analyseText(text, parseSync(text))
  } catch (error) {
    if (!(error instanceof SqlError)) throw error
    return refusedFacts(text, error)
  }
}

/** The facts of a text that the parser refused. */
function refusedFacts(text: string, error: SqlError): TextFacts {
  if (broken.test(error.message)) throw error
  // Bison's stack: PostgreSQL has the same bound, but each version's grammar uses it differently.
  if (exhausted.test(error.message)) return failedFacts(text, 'unparsed', error.message)
  const joined = joinLiterals(text)
  if (joined !== undefined) {
    try {
      return analyseText(text, parseSync(joined))
    } catch (second) {
      if (!(second instanceof SqlError) || broken.test(second.message)) throw second
    }
  }
  return failedFacts(text, 'syntax_error', error.message)
}

/**
 * The facts of a text without a parse tree. The parser's message quotes the text where it stopped,
 * which may be in the middle of a password, so that it is cut when anything had to be redacted.
 */
export function failedFacts(
  text: string,
  status: 'syntax_error' | 'unparsed',
  problem: string,
): TextFacts {
  const redacted_text =
    status === 'syntax_error' ? redactRefusedText(text) : redactUnparsedText(text)
  const message = redacted_text === text ? problem : problem.replace(/ at or near [\s\S]*$/, '')
  return unparsedFacts(text, status, message, redacted_text)
}

/**
 * PostgreSQL joins `'a' -- comment` and `'b'` on the next line to one literal; libpg-query, whose
 * scanner keeps comments, refuses that. The same text with such comments blanked is what
 * PostgreSQL reads. Undefined when there is none, or when one is not ASCII: offsets would move.
 */
function joinLiterals(text: string): string | undefined {
  if (!text.includes('--')) return undefined
  const tokens = new SqlTokens(text, false)
  let joined = ''
  let position = 0
  while (tokens.next()) {
    if (tokens.kind !== 'string') continue
    for (const [start, end] of tokens.joining_comments) {
      if (/[^\x20-\x7e]/.test(text.slice(start, end))) return undefined
      joined += text.slice(position, start) + ' '.repeat(end - start)
      position = end
    }
  }
  return position === 0 ? undefined : joined + text.slice(position)
}

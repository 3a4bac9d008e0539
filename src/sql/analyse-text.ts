import type { Node, ParseResult } from '@pgsql/types'
import type { StatementFacts, TextFacts } from './facts.js'
import { Findings, forgets_everything } from './findings.js'
import { otherReading } from './other-reading.js'
import { readStatement } from './read-statement.js'
import { secretsOfStatement } from './redact.js'
import { sharingOf } from './sharing.js'
import { applySpans, type Span as SecretSpan } from './spans.js'
import { type Span, statementSpans } from './statement-spans.js'
import { ShapeReader } from './text-shape.js'
import { kindOf } from './tree.js'
import { valueWeight } from './weight.js'

const shapes = new ShapeReader()

/** The statement that is being read: what its parts share with it. */
interface Whole {
  readonly span: Span
  readonly text: string
  readonly secret_parameters: boolean
}

/** Reads one statement, or one inside another, which has the place and text of the whole. */
function factsOf(node: Node | undefined, whole: Whole): StatementFacts {
  const findings = new Findings()
  const read = readStatement(node, findings, {
    text: whole.text,
    inner: (part) => factsOf(part, whole),
    read(part, into) {
      return readStatement(part, into, this)
    },
  })
  const { grants } = findings
  const built_in_calls = findings.builtInCalls()
  return {
    start: whole.span.start,
    end: whole.span.end,
    text: whole.text,
    ...read,
    objects: findings.objects(),
    effects: findings.effects(),
    ...(built_in_calls === undefined ? {} : { built_in_calls }),
    ...(grants === undefined ? {} : { grants }),
    secret_parameters: whole.secret_parameters,
  }
}

/**
 * Says of every statement of a parsed text what it is, what it touches and what it does.
 *
 * @param text The text that was parsed.
 * @param parse What the parser made of it.
 * @returns Facts with status `parsed`; no statements for an empty query.
 * @throws RangeError when a statement is of no kind that the grammar has, or when the stack does
 *   not suffice: the caller has to treat the text as `unparsed`.
 */
export function analyseText(text: string, parse: ParseResult): TextFacts {
  const raw = parse.stmts ?? []
  const spans = statementSpans(text, raw)
  const statements: StatementFacts[] = []
  const secrets: SecretSpan[] = []
  for (const [index, { stmt }] of raw.entries()) {
    const span = spans[index]
    if (stmt === undefined || span === undefined) continue
    const own = text.slice(span.start, span.end)
    const { spans: found, secret_parameters } = secretsOfStatement(own, kindOf(stmt), stmt)
    const facts = factsOf(stmt, { span, text: applySpans(own, found), secret_parameters })
    statements.push(facts)
    for (const secret of found) {
      secrets.push({ ...secret, start: secret.start + span.start, end: secret.end + span.start })
    }
  }
  const other_reading = otherReading(text, secrets)
  if (other_reading !== undefined) return weighed({ status: 'parsed', statements, other_reading })
  const is_shaped = shapes.read(text) !== undefined && shapes.count > 0
  const sharing = is_shaped ? { sharing: sharingOf(text, parse, statements) } : undefined
  return weighed({ status: 'parsed', statements, ...sharing })
}

function weighed(facts: Omit<TextFacts, 'weight'>): TextFacts {
  return { ...facts, weight: valueWeight(facts) }
}

/** Words with which a statement begins; anything else might be a secret out of place. */
const first_words: ReadonlySet<string> = new Set(
  `ABORT ALTER ANALYZE BEGIN CALL CHECKPOINT CLOSE CLUSTER COMMENT COMMIT COPY CREATE DEALLOCATE
  DECLARE DELETE DISCARD DO DROP END EXECUTE EXPLAIN FETCH GRANT IMPORT INSERT LISTEN LOAD LOCK
  MERGE MOVE NOTIFY PREPARE REASSIGN REFRESH REINDEX RELEASE RESET REVOKE ROLLBACK SAVEPOINT
  SECURITY SELECT SET SHOW START TABLE TRUNCATE UNLISTEN UPDATE VACUUM VALUES WITH`.split(/\s+/),
)

function firstWord(text: string): string {
  const word = /^[\s;]*([A-Za-z]{2,10})(?![\w$])/.exec(text)?.[1]?.toUpperCase()
  return word !== undefined && first_words.has(word) ? word : ''
}

/**
 * The facts of a text that could not be parsed: one entry that is at least WRITE and agrees with
 * every answer of the server.
 *
 * @param text The text as it was sent.
 * @param status `syntax_error` when the grammar refuses it, `unparsed` when nobody knows.
 * @param problem The parser's own words.
 * @param redacted_text The text with its secrets replaced.
 */
export function unparsedFacts(
  text: string,
  status: 'syntax_error' | 'unparsed',
  problem: string,
  redacted_text: string,
): TextFacts {
  const refused = status === 'syntax_error'
  const statement: StatementFacts = {
    start: 0,
    end: text.length,
    text: redacted_text,
    node: '',
    class: 'WRITE',
    command: firstWord(redacted_text),
    tags: ['*'],
    objects: [],
    // What the server refuses has no effect; of what we cannot read, anything must be expected.
    effects: refused ? [] : [{ kind: 'opaque', forgets: forgets_everything }],
    secret_parameters: true,
    reason: refused
      ? 'The grammar refuses it, so that it is taken for the worst that it might be.'
      : 'It could not be parsed, so that it is taken for the worst that it might be.',
  }
  return weighed({ status, statements: [statement], problem })
}

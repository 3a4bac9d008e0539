import { loadConfig } from '../config/load.js'
import type { StatementFacts, TextFacts } from '../sql/facts.js'
import { describeEffect } from './describe-effect.js'
import { describeObject } from './describe-object.js'
import { previewRules, type RulePreview } from './preview-rules.js'
import { oneLine } from './terminal-text.js'

/**
 * Prints what pgwitness makes of a text, statement by statement: what a record of it would say,
 * and why. With a configuration, also which rules would ask for that record.
 */
export async function explain(sql: string, file: string | undefined): Promise<number> {
  const config = file === undefined ? undefined : loadConfig({ file, env: process.env })
  const { analyseNow } = await import('../sql/analyse-now.js')
  const facts = await analyseNow(sql)
  const preview = config === undefined ? undefined : await previewRules(config)
  process.stdout.write(`${explainText(facts, preview).join('\n')}\n`)
  return 0
}

function explainText(facts: TextFacts, preview: RulePreview | undefined): readonly string[] {
  const problem = facts.problem === undefined ? '' : `: ${facts.problem}`
  const notes = {
    parsed: facts.statements.length === 0 ? ['an empty query: nothing to run, one record'] : [],
    syntax_error: [
      `not valid SQL${problem}`,
      'recorded as at least WRITE, until the server answers',
    ],
    unparsed: [`could not be analysed${problem}`, 'recorded as at least WRITE; matches every rule'],
  } as const satisfies Record<TextFacts['status'], readonly string[]>
  const statements = facts.statements.map((statement, index) => {
    const title = `statement ${index + 1} of ${facts.statements.length}`
    const is_opaque = facts.status !== 'parsed'
    return [title, ...explainStatement(statement, is_opaque, preview)].join('\n')
  })
  return [...notes[facts.status], ...statements]
}

function explainStatement(
  statement: StatementFacts,
  is_opaque: boolean,
  preview: RulePreview | undefined,
): readonly string[] {
  const grants = statement.grants?.map(({ privilege, grantee }) => `${privilege} for ${grantee}`)
  return [
    row('text', [oneLine(statement.text)]),
    row('class', [statement.class]),
    row('command', [
      statement.command === '' ? 'whatever tag the server answers' : statement.command,
    ]),
    row('why', [statement.reason]),
    row('objects', statement.objects.map(describeObject)),
    row('effects', statement.effects.map(describeEffect)),
    row('grants', grants ?? []),
    row('parameters', statement.secret_parameters ? ['left out: they may hold a secret'] : []),
    row('rules', preview?.(statement, is_opaque) ?? []),
  ].flat()
}

/** A label and its lines; nothing at all when there are none. */
function row(label: string, lines: readonly string[]): readonly string[] {
  return lines.map((line, index) => `  ${(index === 0 ? label : '').padEnd(11)}${line}`)
}

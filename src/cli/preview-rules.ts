import type { ResolvedObject } from '../catalog/names.js'
import { quoteQualified } from '../catalog/quote-identifier.js'
import type { Config, RuleCondition, RuleConfig } from '../config/config.js'
import type { RuleSet } from '../rules/decision.js'
import type { ObjectReference, StatementFacts } from '../sql/facts.js'

/** Says in lines which rules would ask for a record of a statement. */
export type RulePreview = (statement: StatementFacts, is_opaque: boolean) => readonly string[]

/** What a text alone does not tell: who sends it from where, when, and how it ends. */
const session_keys = [
  'user',
  'database',
  'application',
  'client',
  'time',
  'outcome',
  'sqlstate',
] as const satisfies readonly (keyof RuleCondition)[]

/**
 * Prepares the preview: rules are compiled without the keys that a text cannot answer, and those
 * are printed beside the name of a rule that matches otherwise.
 */
export async function previewRules(config: Config): Promise<RulePreview> {
  if (config.rules === undefined) return () => ['no rules configured: everything is recorded']
  const { compileRules } = await import('../rules/compile-rules.js')
  const rules = new Map(config.rules.map((rule) => [rule.name, rule]))
  const text_rules = config.rules.map(withoutSessionKeys)
  const rule_set = compileRules({ rules: text_rules }, config.audit.time_zone)
  const object_audit =
    config.object_audit === undefined ? [] : ['and object auditing, by the grants in the database']
  return (statement, is_opaque) => {
    const on_success = matching(rule_set, statement, is_opaque, false)
    const on_failure = matching(rule_set, statement, is_opaque, true)
    const lines = [...new Set([...on_success, ...on_failure])].map((name) => {
      const failing = on_success.includes(name) ? '' : ', if it fails'
      const succeeding = on_failure.includes(name) ? '' : ', if it succeeds'
      return `${name}${failing}${succeeding}${remainder(rules.get(name))}`
    })
    return [...(lines.length === 0 ? ['none matches'] : lines), ...object_audit]
  }
}

function withoutSessionKeys(rule: RuleConfig): RuleConfig {
  const { except, ...rest } = rule
  const entries = Object.entries(rest).filter(([key]) => !isSessionKey(key))
  // An exception that also asks for the session cannot be decided here; it is printed instead.
  const decidable = except?.filter((entry) => !Object.keys(entry).some(isSessionKey)) ?? []
  return {
    ...Object.fromEntries(entries),
    name: rule.name,
    ...(decidable.length === 0 ? {} : { except: decidable }),
  }
}

function isSessionKey(key: string): boolean {
  return session_keys.some((session_key) => session_key === key)
}

function matching(
  rule_set: RuleSet,
  statement: StatementFacts,
  is_opaque: boolean,
  failed: boolean,
): readonly string[] {
  const { rules } = rule_set.decide({
    class: statement.class,
    command: statement.command,
    objects: statement.objects.map(asWritten),
    time_us: 0,
    outcome: failed ? 'failure' : 'success',
    failed,
    opaque: is_opaque,
  })
  return rules
}

/** A name without schema stays unknown, so that it matches every pattern that it might match. */
function asWritten(object: ObjectReference): ResolvedObject {
  const is_known = object.schema !== undefined || object.lookup === 'global'
  return {
    name: quoteQualified(object.schema, object.name),
    type: object.type,
    class: object.class,
    access: object.access,
    ...(object.columns === undefined ? {} : { columns: object.columns }),
    resolved: is_known ? 'assumed' : 'none',
  }
}

/** The keys of a rule that the preview did not ask. */
function remainder(rule: RuleConfig | undefined): string {
  if (rule === undefined) return ''
  const wanted = sessionPart(rule).map((text) => `, when ${text}`)
  const unwanted = (rule.except ?? [])
    .filter((entry) => Object.keys(entry).some(isSessionKey))
    .map((entry) => `, unless ${conditionText(entry)}`)
  return [...wanted, ...unwanted].join('')
}

function sessionPart(condition: RuleCondition): readonly string[] {
  return session_keys.flatMap((key) => {
    const values = condition[key]
    return values === undefined ? [] : [`${key} is ${values.join(' or ')}`]
  })
}

function conditionText(condition: RuleCondition): string {
  return Object.entries(condition)
    .map(([key, values]) => `${key} is ${values.join(' or ')}`)
    .join(' and ')
}

import type { ResolvedObject } from '../catalog/names.js'
import type { Config, RuleCondition, RuleConfig } from '../config/config.js'
import type { RuleSet } from '../rules/decision.js'
import type { StatementFacts } from '../sql/facts.js'

/** What is known of a statement beside its text. */
export interface PreviewSubject {
  readonly objects: readonly ResolvedObject[]
  /** True when class and objects could be anything. */
  readonly opaque: boolean
}

/** Says in lines which rules would ask for a record of a statement, and why others do not. */
export type RulePreview = (statement: StatementFacts, subject: PreviewSubject) => readonly string[]

/** Who sends the text, as far as the command line says so. */
export interface KnownSession {
  readonly user?: string
  readonly database?: string
}

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

/** The keys that a statement answers. */
const statement_keys = [
  'class',
  'command',
  'object',
  'object_type',
] as const satisfies readonly (keyof RuleCondition)[]

type SessionKey = (typeof session_keys)[number]

/**
 * Prepares the preview: rules are compiled without the keys that a text cannot answer, and those
 * are printed beside the name of a rule that matches otherwise.
 */
export async function previewRules(config: Config, known: KnownSession): Promise<RulePreview> {
  const { rules } = config
  if (rules === undefined) return () => ['no rules configured: everything is recorded']
  const { compileRules } = await import('../rules/compile-rules.js')
  const open_keys = session_keys.filter((key) => !Object.hasOwn(known, key))
  const compile = (rule: RuleConfig) => compileRules({ rules: [rule] }, config.audit.time_zone)
  const judges = rules.map((rule) => new RuleJudge(rule, open_keys, known, compile))
  const none = rules.length === 0 ? ['none configured'] : []
  return (statement, subject) => [...none, ...judges.map((judge) => judge.say(statement, subject))]
}

/** One rule and what it says of statements. */
class RuleJudge {
  readonly #rule: RuleConfig
  readonly #open_keys: readonly SessionKey[]
  readonly #known: KnownSession
  readonly #compile: (rule: RuleConfig) => RuleSet
  readonly #decidable: RuleSet

  constructor(
    rule: RuleConfig,
    open_keys: readonly SessionKey[],
    known: KnownSession,
    compile: (rule: RuleConfig) => RuleSet,
  ) {
    this.#rule = rule
    this.#open_keys = open_keys
    this.#known = known
    this.#compile = compile
    this.#decidable = compile(this.#withoutOpenKeys())
  }

  say(statement: StatementFacts, subject: PreviewSubject): string {
    const { name } = this.#rule
    const on_success = this.#matches(this.#decidable, statement, subject, false)
    const on_failure = this.#matches(this.#decidable, statement, subject, true)
    if (!on_success && !on_failure) return `${name}: no, ${this.#whyNot(statement, subject)}`
    const failing = on_success ? '' : ', if it fails'
    const succeeding = on_failure ? '' : ', if it succeeds'
    return `${name}: yes${failing}${succeeding}${this.#remainder()}`
  }

  #matches(
    rule_set: RuleSet,
    statement: StatementFacts,
    { objects, opaque }: PreviewSubject,
    failed: boolean,
  ): boolean {
    const { rules } = rule_set.decide({
      class: statement.class,
      command: statement.command,
      ...this.#known,
      objects,
      time_us: 0,
      outcome: failed ? 'failure' : 'success',
      failed,
      opaque,
    })
    return rules.length > 0
  }

  /** The keys that do not hold, each tried alone. */
  #whyNot(statement: StatementFacts, subject: PreviewSubject): string {
    const rule = this.#rule
    const keys = [...statement_keys, ...session_keys.filter((key) => !this.#isOpen(key))]
    const failing = keys.filter((key) => {
      if (rule[key] === undefined) return false
      const alone = this.#compile({ name: rule.name, [key]: rule[key] })
      return [false, true].every((failed) => !this.#matches(alone, statement, subject, failed))
    })
    if (failing.length > 0) {
      return failing.map((key) => `${key} is not ${(rule[key] ?? []).join(' or ')}`).join(', ')
    }
    const { except: _except, ...positive } = this.#withoutOpenKeys()
    const without = this.#compile(positive)
    const excepted = [false, true].some((failed) =>
      this.#matches(without, statement, subject, failed),
    )
    return excepted ? 'except takes it out' : 'no object has all of its keys at once'
  }

  #isOpen(key: string): boolean {
    return this.#open_keys.some((open) => open === key)
  }

  #withoutOpenKeys(): RuleConfig {
    const { except, ...rest } = this.#rule
    const entries = Object.entries(rest).filter(([key]) => !this.#isOpen(key))
    // An exception that also asks for the session cannot be decided here; it is printed instead.
    const decidable =
      except?.filter((entry) => !Object.keys(entry).some((key) => this.#isOpen(key))) ?? []
    return {
      ...Object.fromEntries(entries),
      name: this.#rule.name,
      ...(decidable.length === 0 ? {} : { except: decidable }),
    }
  }

  /** The keys of a rule that the preview did not ask. */
  #remainder(): string {
    const rule = this.#rule
    const wanted = this.#open_keys.flatMap((key) => {
      const values = rule[key]
      return values === undefined ? [] : [`, when ${key} is ${values.join(' or ')}`]
    })
    const unwanted = (rule.except ?? [])
      .filter((entry) => Object.keys(entry).some((key) => this.#isOpen(key)))
      .map((entry) => `, unless ${conditionText(entry)}`)
    return [...wanted, ...unwanted].join('')
  }
}

function conditionText(condition: RuleCondition): string {
  return Object.entries(condition)
    .map(([key, values]) => `${key} is ${values.join(' or ')}`)
    .join(' and ')
}

import type { Config } from '../config/config.js'
import { WitnessError } from '../errors.js'
import { limits } from '../lib/limits.js'
import { type CompiledRule, compileRule } from './compile-rule.js'
import type { Decision, RuleSet, RuleSubject } from './decision.js'

/** What the rules need of the configuration. */
export type RulesConfig = Pick<Config, 'rules' | 'object_audit'>

const no_rules: readonly string[] = Object.freeze([])

/** No rule asked, or none was configured. */
const recorded: Decision = Object.freeze({ record: true, rules: no_rules, session: true })
/** Object auditing alone asks. */
const audited: Decision = Object.freeze({ record: true, rules: no_rules, session: false })
const ignored: Decision = Object.freeze({ record: false, rules: no_rules, session: false })

/** One combination of matched rules; its children have one more rule, by its index. */
interface Combination {
  readonly decision: Decision | undefined
  readonly children: Map<number, Combination>
}

/** Gives the same decision, and so the same array of names, for the same rules. */
class Combinations {
  readonly root: Combination = { decision: undefined, children: new Map() }
  #count = 0

  /** The combination with one more rule. */
  extend(combination: Combination, index: number, name: string): Combination {
    const known = combination.children.get(index)
    if (known !== undefined) return known
    const rules = Object.freeze([...(combination.decision?.rules ?? []), name])
    const decision = Object.freeze({ record: true, rules, session: true })
    const extended: Combination = { decision, children: new Map() }
    if (this.#count < limits.rule_combinations) {
      combination.children.set(index, extended)
      this.#count++
    }
    return extended
  }
}

/** What could not be understood may touch what is audited. */
function hasAudited(subject: RuleSubject): boolean {
  if (subject.opaque) return true
  // They hand out whole tables without naming them.
  if (subject.class === 'BACKUP' || subject.command === 'START_REPLICATION') return true
  const objects = subject.objects
  if (objects === undefined) return false
  for (const object of objects) {
    if (object.audited === true) return true
  }
  return false
}

class CompiledRuleSet implements RuleSet {
  readonly silent: boolean
  readonly varying: { readonly time: boolean; readonly outcome: boolean }
  readonly #rules: readonly CompiledRule[]
  readonly #object_audit: boolean
  readonly #combinations = new Combinations()

  constructor(rules: readonly CompiledRule[], object_audit: boolean) {
    this.#rules = rules
    this.#object_audit = object_audit
    this.silent = !object_audit && rules.every((rule) => rule.never)
    this.varying = Object.freeze({
      time: rules.some((rule) => rule.asks_time),
      outcome: rules.some((rule) => rule.asks_outcome),
    })
  }

  decide(subject: RuleSubject): Decision {
    if (subject.class === 'AUDIT') return recorded
    let combination = this.#combinations.root
    let index = 0
    for (const rule of this.#rules) {
      if (rule.matches(subject)) {
        combination = this.#combinations.extend(combination, index, rule.name)
      }
      index++
    }
    if (combination.decision !== undefined) return combination.decision
    return this.#object_audit && hasAudited(subject) ? audited : ignored
  }
}

/** Without the key `rules` every record is written. */
const everything: RuleSet = Object.freeze({
  decide: () => recorded,
  silent: false,
  varying: Object.freeze({ time: false, outcome: false }),
})

/**
 * Compiles the configured rules. Without `rules` everything is recorded, with `rules: []` only what
 * object auditing marked; AUDIT records always are. Throws `config.invalid`, naming the rule and
 * the key, for a rule that cannot be compiled: a rule that was misread would hide records.
 */
export function compileRules(config: RulesConfig, time_zone: string): RuleSet {
  if (config.rules === undefined) return everything
  const compiled = config.rules.map((rule, index) => {
    try {
      return compileRule(rule, time_zone)
    } catch (error) {
      if (!(error instanceof WitnessError)) throw error
      throw new WitnessError(error.code, `rules[${index}] (${rule.name}): ${error.message}`, {
        cause: error,
      })
    }
  })
  return new CompiledRuleSet(compiled, config.object_audit !== undefined)
}

import { limits } from '../lib/limits.js'
import type { Decision, RuleSet, RuleSubject } from './decision.js'

interface Period {
  /** Statements that have come since then, microseconds since 1970. */
  from_us: number
  readonly rules: RuleSet
}

/**
 * Rules that can be exchanged while statements run: each statement is judged from its first record
 * to its last by the rules of the moment when it came.
 */
export class ReloadableRules implements RuleSet {
  /** The newest first; the last one has no beginning. */
  #periods: readonly Period[]
  #newest: Period

  constructor(rules: RuleSet) {
    this.#newest = { from_us: Number.NEGATIVE_INFINITY, rules }
    this.#periods = [this.#newest]
  }

  decide(subject: RuleSubject): Decision {
    if (subject.time_us >= this.#newest.from_us) return this.#newest.rules.decide(subject)
    return this.#rulesAt(subject.time_us).decide(subject)
  }

  get silent(): boolean {
    return this.#periods.every(({ rules }) => rules.silent)
  }

  get varying(): RuleSet['varying'] {
    return {
      time: this.#periods.some(({ rules }) => rules.varying.time),
      outcome: this.#periods.some(({ rules }) => rules.varying.outcome),
    }
  }

  /** From now on these count; what came before is judged as if nothing had changed. */
  replace(rules: RuleSet, now_us: number): void {
    this.#newest = { from_us: now_us, rules }
    this.#periods = [this.#newest, ...this.#periods].slice(0, limits.rule_periods)
  }

  /** To be called now and then: a clock that was set back must not bring the old rules back. */
  correct(now_us: number): void {
    for (const period of this.#periods) period.from_us = Math.min(period.from_us, now_us)
  }

  #rulesAt(time_us: number): RuleSet {
    const period = this.#periods.find(({ from_us }) => time_us >= from_us)
    return (period ?? this.#periods.at(-1) ?? this.#newest).rules
  }
}

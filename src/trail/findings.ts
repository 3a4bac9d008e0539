import { limits } from '../lib/limits.js'

/**
 * What a finding makes of the trail: `altered` (not what was written), `gap` (something is missing
 * or not proven, without a sign of alteration), `unverifiable` (what would prove it is missing),
 * `note` (worth knowing, no fault).
 */
export type FindingKind = 'altered' | 'gap' | 'unverifiable' | 'note'

export interface Finding {
  readonly kind: FindingKind
  readonly text: string
  readonly file?: string
  /** First byte and end of the bytes in question. */
  readonly bytes?: readonly [number, number]
  /** First and last number (`seq`) of the records in question, where the format has them. */
  readonly records?: readonly [number, number]
}

/** Exit status of `verify`: 0 intact, 1 altered, 2 gaps or an unproven end, 3 cannot be verified. */
export type Verdict = 0 | 1 | 2 | 3

/** What was found, bounded: a trail of garbage must not fill the memory of who checks it. */
export class Findings {
  readonly #kept: Finding[] = []
  readonly #counts = { altered: 0, gap: 0, unverifiable: 0, note: 0 }

  add(finding: Finding): void {
    this.#counts[finding.kind]++
    if (this.#kept.length < limits.verify_findings) this.#kept.push(finding)
  }

  get kept(): readonly Finding[] {
    return this.#kept
  }

  get left_out(): number {
    const { altered, gap, unverifiable, note } = this.#counts
    return altered + gap + unverifiable + note - this.#kept.length
  }

  count(kind: FindingKind): number {
    return this.#counts[kind]
  }

  /** What is certainly wrong outweighs what could not be told. */
  get verdict(): Verdict {
    if (this.#counts.altered > 0) return 1
    if (this.#counts.unverifiable > 0) return 3
    return this.#counts.gap > 0 ? 2 : 0
  }
}

import type { KeyObject } from 'node:crypto'
import type { Findings } from './findings.js'
import { isSignedBy, keyFingerprint, type Seal } from './seal.js'

interface Place {
  readonly file: string
  readonly bytes: [number, number]
}

/** Seals of one kind of signature: the first of them, and how many there are. */
interface Tally {
  first?: Place & { readonly key?: string }
  count: number
}

/** Whether the seals were made by the holder of one of the keys. */
export class SignatureCheck {
  readonly #findings: Findings
  readonly #keys: ReadonlyMap<string, KeyObject>
  readonly #unsigned_allowed: boolean
  #good = 0
  readonly #other: Tally = { count: 0 }
  /** Without a signature, before the first good one. */
  readonly #unsigned: Tally = { count: 0 }

  constructor(findings: Findings, keys: readonly KeyObject[], unsigned_allowed: boolean) {
    this.#findings = findings
    this.#keys = new Map(keys.map((key) => [keyFingerprint(key), key]))
    this.#unsigned_allowed = unsigned_allowed
  }

  /** How many seals one of the keys has signed. */
  get good(): number {
    return this.#good
  }

  take(seal: Seal, place: Place): void {
    const { file, bytes } = place
    if (seal.signature === undefined || seal.key === undefined) {
      if (this.#good > 0 && !this.#unsigned_allowed) {
        const text = 'a seal has no signature, though earlier ones have'
        this.#findings.add({ kind: 'altered', file, bytes, text })
      } else count(this.#unsigned, place)
      return
    }
    if (this.#keys.size === 0 && this.#unsigned_allowed) return
    const key = this.#keys.get(seal.key)
    if (key === undefined) count(this.#other, { ...place, key: seal.key })
    else if (isSignedBy(seal, key)) this.#good++
    else {
      const text = 'a seal was altered or forged: its signature does not fit'
      this.#findings.add({ kind: 'altered', file, bytes, text })
    }
  }

  finish(): void {
    if (this.#keys.size === 0 && !this.#unsigned_allowed) {
      const text =
        'no key was given, so nothing shows who made the seals (--key X.pub, or --unsigned)'
      this.#findings.add({ kind: 'unverifiable', text })
      return
    }
    this.#finishUnsigned()
    const { first, count: others } = this.#other
    if (first === undefined || this.#keys.size === 0) return
    const { file, bytes } = first
    const which = `${others} seals are signed by another key, ${first.key ?? ''}`
    if (this.#good === 0) {
      const text = `${which}, and none by the one that was given: it is the wrong key, or the whole trail was sealed again`
      this.#findings.add({ kind: 'unverifiable', file, bytes, text })
      return
    }
    const text = `${which}: a part of the trail was sealed again (or the key was changed: give both)`
    this.#findings.add({ kind: 'altered', file, bytes, text })
  }

  #finishUnsigned(): void {
    const { first, count: seals } = this.#unsigned
    if (first === undefined) return
    const { file, bytes } = first
    if (this.#unsigned_allowed || this.#good > 0) {
      const text =
        this.#good > 0
          ? `the first ${seals} seals have no signature; the signed one behind them vouches for them since it was made`
          : `${seals} seals have no signature: whoever may write the files could have made them`
      this.#findings.add({ kind: 'note', file, bytes, text })
      return
    }
    const text = `${seals} seals have no signature, and none has one by the key that was given (--unsigned checks the chain alone)`
    this.#findings.add({ kind: 'unverifiable', file, bytes, text })
  }
}

function count(tally: Tally, place: NonNullable<Tally['first']>): void {
  tally.first ??= place
  tally.count++
}

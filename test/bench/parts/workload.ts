import type { Run } from './results.js'
import type { Variant } from './variant.js'

/** Something to do through a variant, and how fast it was. */
export interface Workload {
  readonly name: string
  readonly title: string
  readonly unit: 'tx/s' | 'MiB/s'
  /** Whether it is measured with several numbers of clients, or with one alone. */
  readonly concurrent: boolean
  run(variant: Variant, clients: number, seconds: number): Promise<Run>
}

/** What one target found in one case. */
export interface Finding {
  readonly number: number
  /** A few words that are the same for the same defect. */
  readonly kind: string
  readonly what: string
  /** The case as a file of the corpus. */
  readonly file: string
}

/** What was done so far, by name: `sessions`, `statements`, … */
export type Counts = Readonly<Record<string, number>>

/** A target that is ready to play cases, with all that it needs. */
export interface OpenTarget {
  /** How many cases are played at once. */
  readonly batch: number
  /** Plays the cases of these numbers; each follows from the seed and its number alone. */
  play(numbers: readonly number[]): Promise<readonly Finding[]>
  /** The finding with the smallest case that still shows it. */
  reduce(finding: Finding): Promise<Finding>
  /** Plays files of the corpus, and says of each what is wrong with it. */
  replay(files: readonly string[]): Promise<readonly (readonly string[])[]>
  counts(): Counts
  close(): Promise<void>
}

export interface TargetOptions {
  readonly seed: number
  /** Sessions at the same time. */
  readonly jobs: number
}

export interface Target {
  readonly name: string
  open(options: TargetOptions): Promise<OpenTarget>
}

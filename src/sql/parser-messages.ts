import type { TextFacts } from './facts.js'

/** What the main thread sends: texts to analyse, or only to redact, in order. */
export interface ParserBatch {
  readonly texts: readonly string[]
  /** Why the parser has given these texts up: they are only redacted. Absent to analyse them. */
  readonly given_up?: string
}

/** Why the worker stops: its parser may be broken. */
export interface ParserFailure {
  readonly problem: string
  /** True when an earlier text may have broken the parser, so that the last one is only suspected. */
  readonly doubtful: boolean
}

/** What the worker sends back: facts in the order of the texts, as many as are done. */
export interface ParserAnswer {
  readonly results: readonly TextFacts[]
  /** True when this answer completes a batch. */
  readonly completes_batch: boolean
  /** Set when the last of `results` is what the parser failed at; the worker does nothing more. */
  readonly failure?: ParserFailure
}

/** The worker's first message: its parser is loaded. */
export const parser_ready = 'ready'

/** What the worker is started with: two counters that can be read while it is stuck. */
export interface ParserWorkerData {
  /** [texts begun, texts finished] since the start. */
  readonly progress: Int32Array
}

import { type ErrorCode, WitnessError } from '../errors.js'

/** One thing that is wrong with the configuration. */
export interface ConfigIssue {
  readonly code: ErrorCode
  /** Path in the file's words, such as `rules[0].class`; or a flag, a variable, a file. */
  readonly path: string
  /** The value as it was written, shortened and without secrets; absent when there is none. */
  readonly value?: string
  /** Why it is refused, worded so that it follows the value. */
  readonly reason: string
  readonly hint: string
  /** Where it was written: `pgwitness.yaml:12`, `PGWITNESS_LISTEN_PORT`, `--listen`. */
  readonly source?: string
}

/** Everything that is wrong with the configuration, told at once. */
export class ConfigError extends WitnessError {
  readonly issues: readonly ConfigIssue[]

  constructor(issues: readonly ConfigIssue[], options?: { readonly cause?: unknown }) {
    super(commonCode(issues), summaryOf(issues), options)
    this.name = 'ConfigError'
    this.issues = issues
  }
}

/** The code that all issues share, else the general one. */
function commonCode(issues: readonly ConfigIssue[]): ErrorCode {
  const codes = new Set(issues.map((issue) => issue.code))
  const [only] = codes
  return codes.size === 1 && only !== undefined ? only : 'config.invalid'
}

function summaryOf(issues: readonly ConfigIssue[]): string {
  const count = issues.length === 1 ? '1 problem' : `${issues.length} problems`
  return [`${count} in the configuration`, ...issues.map(describeIssue)].join('\n')
}

/** Two lines: what is wrong and where, and what to do. */
function describeIssue(issue: ConfigIssue): string {
  const value = issue.value === undefined ? '' : ` = ${issue.value}`
  const source = issue.source === undefined || issue.source === issue.path ? '' : issue.source
  const where = source === '' ? '' : ` (${source})`
  return `  ${issue.path}${value}: ${issue.reason}${where}\n      hint: ${issue.hint}`
}

import { isNode, LineCounter, parseDocument } from 'yaml'
import type { ConfigIssue } from './config-error.js'
import type { TreePath } from './tree.js'

/** A YAML text once read. */
export interface YamlText {
  readonly value: unknown
  /** Line of the value at a path, from 1; undefined when it is not in the text. */
  lineOf(path: TreePath): number | undefined
}

const tag_hint =
  'YAML reads a bare ! as a tag: write patterns that begin with ! in quotes, such as "!etl_*".'

/**
 * Reads YAML 1.2. Warnings count as errors: an unquoted `!pattern` would vanish with a mere
 * warning. Messages carry the line, never its content, which may hold a secret.
 */
export function readYaml(text: string, source: string): YamlText | readonly ConfigIssue[] {
  const line_counter = new LineCounter()
  const document = parseDocument(text, { lineCounter: line_counter, prettyErrors: false })
  const problems = [...document.errors, ...document.warnings]
  if (problems.length > 0) {
    return problems.map((problem): ConfigIssue => {
      const { line, col } = line_counter.linePos(problem.pos[0])
      const is_tag = problem.code === 'TAG_RESOLVE_FAILED'
      return {
        code: 'config.syntax',
        path: `${source}:${line}:${col}`,
        reason: `not valid YAML: ${problem.message}`,
        hint: is_tag
          ? tag_hint
          : 'Look at this line and the one above: indentation, quotes, brackets.',
      }
    })
  }
  return {
    value: document.toJS(),
    lineOf(path) {
      const node = path.length === 0 ? document.contents : document.getIn(path, true)
      const start = isNode(node) ? node.range?.[0] : undefined
      return start === undefined ? undefined : line_counter.linePos(start).line
    },
  }
}

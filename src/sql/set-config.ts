import type { FuncCall, SelectStmt } from '@pgsql/types'
import type { Effect } from './facts.js'
import type { Findings } from './findings.js'
import { isSetConfig } from './function-calls.js'
import { bodiesOf, bodyOf, booleanOf, constantOf } from './tree.js'

/**
 * Splits a list of identifiers as SplitIdentifierString in varlena.c does: unquoted names fold to
 * lower case, `""` is a quote inside quotes. Gives undefined when the server would refuse it.
 */
export function splitIdentifiers(list: string): string[] | undefined {
  const names: string[] = []
  if (list.trim() === '') return names
  const item = /\s*(?:"((?:[^"]|"")*)"|([^\s,"]+))\s*(,|$)/y
  for (;;) {
    const match = item.exec(list)
    if (match === null) return undefined
    const [, quoted, bare, separator] = match
    names.push(quoted === undefined ? fold(bare ?? '') : quoted.replaceAll('""', '"'))
    if (separator === '') return names
  }
}

/** Only ASCII letters fold in the multibyte encodings (downcase_identifier in scansup.c). */
function fold(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

/** The effect of one call whose arguments are all constants; undefined for any other. */
function settingOf(call: FuncCall): Extract<Effect, { kind: 'set' }> | undefined {
  const [name_node, value_node, local_node] = call.args ?? []
  const name = constantOf(name_node)?.toLowerCase()
  const value = constantOf(value_node)
  const local = booleanOf(constantOf(local_node) ?? '')
  if (name === undefined || value === undefined || local === undefined) return undefined
  if (value === null) return { kind: 'set', name, values: null, local }
  const values = name === 'search_path' ? (splitIdentifiers(value) ?? [value]) : [value]
  return { kind: 'set', name, values, local }
}

/** True for a query that gives exactly one row, as far as its clauses tell. */
function givesOneRow(select: SelectStmt): boolean {
  return (
    select.larg === undefined &&
    select.fromClause === undefined &&
    select.whereClause === undefined &&
    select.groupClause === undefined &&
    select.havingClause === undefined &&
    select.limitCount === undefined &&
    select.limitOffset === undefined
  )
}

/**
 * Notes the settings that a SELECT certainly changes: calls of set_config with constants, in a
 * select list of nothing but such calls and constants, in a query that gives exactly one row.
 * Anywhere else (under WHERE or CASE, once per row of a table, beside a function that gives no
 * rows) a call may not take place, and the walk says so by an opaque effect.
 * Returns the calls that are settled.
 */
export function certainSettings(select: SelectStmt, findings: Findings): ReadonlySet<FuncCall> {
  const settled = new Set<FuncCall>()
  if (!givesOneRow(select)) return settled
  const settings: Effect[] = []
  for (const target of bodiesOf(select.targetList, 'ResTarget')) {
    const call = bodyOf(target.val, 'FuncCall')
    const setting = call !== undefined && isSetConfig(call) ? settingOf(call) : undefined
    if (call !== undefined && setting !== undefined) {
      settings.push(setting)
      settled.add(call)
    } else if (constantOf(target.val) === undefined) return new Set()
  }
  for (const setting of settings) findings.effect(setting)
  return settled
}

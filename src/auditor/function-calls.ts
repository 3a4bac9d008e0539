import type { CalledFunction, Resolution, SessionCatalog } from '../catalog/names.js'
import type { Execution } from '../session/execution.js'
import { calledFunctionFacts } from '../sql/called-function.js'

/**
 * A FunctionCall names its function by its oid, which only the catalog can tell. What it is and
 * does is added here, behind the interpreter, which knows no catalog and expects the worst.
 */
export function withCalledFunction(
  report: Execution,
  names: SessionCatalog | undefined,
): Execution {
  if (report.function_oid === undefined || report.statement !== undefined) return report
  const called = names?.functionByOid(report.function_oid)
  if (called === undefined) return report
  const statement = calledFunctionFacts(called)
  return {
    ...report,
    statement,
    text: statement.text,
    parameter_types: called.argument_types,
    effects: statement.effects,
  }
}

/** What the names of a report mean; undefined where it names nothing. */
export function resolutionOf(report: Execution, names: SessionCatalog): Resolution | undefined {
  const { function_oid, statement } = report
  if (function_oid !== undefined) return resolvedCall(function_oid, names)
  if (statement === undefined) return undefined
  if (statement.objects.length === 0 && statement.built_in_calls === undefined) return undefined
  return names.resolve(statement, report.context, report.plan)
}

/** The objects of a FunctionCall: the function alone, `oid:N` where nobody knows it. */
function resolvedCall(oid: number, names: SessionCatalog): Resolution {
  const called = names.functionByOid(oid)
  return called === undefined
    ? { objects: [functionObject({ title: `oid:${oid}`, resolved: 'none' })], missing: true }
    : { objects: [functionObject(called)], missing: false }
}

function functionObject(
  called: Pick<CalledFunction, 'title' | 'resolved'> & Partial<CalledFunction>,
): Resolution['objects'][number] {
  return {
    name: called.title,
    type: 'FUNCTION',
    class: 'FUNCTION',
    access: ['execute'],
    ...(called.owner === undefined ? {} : { owner: called.owner }),
    ...(called.audited === true ? { audited: true } : {}),
    resolved: called.resolved,
  }
}

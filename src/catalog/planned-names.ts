import type { StatementFacts } from '../sql/facts.js'
import { auditable } from './grants.js'
import type { NameContext, Resolution, ResolvedObject } from './names.js'

/**
 * What the names of a prepared statement or portal meant when it was made. The server looks them up
 * then, and again when search_path or role has changed or a relation of the plan has, but not when
 * another of the same name comes to stand before it in the path: the plan keeps its table.
 * Source: src/backend/utils/cache/plancache.c, RevalidateCachedQuery.
 */
export class PlannedNames {
  readonly statement: StatementFacts
  /** True for a portal: what it reads and writes is settled for its life. */
  readonly fixed: boolean
  #context: NameContext
  #then: Resolution

  constructor(statement: StatementFacts, context: NameContext, then: Resolution, fixed: boolean) {
    this.statement = statement
    this.fixed = fixed
    this.#context = context
    this.#then = then
  }

  /**
   * The resolution `now` of what runs this plan. `own_now` is that of the plan's own statement: an
   * EXECUTE or FETCH may name more. Where the two moments differ a portal has the names of its
   * making; for a statement nobody can know whether the server has planned anew, so it has both,
   * `assumed`; and with `object_audit` those that it kept count as granted: whether they were, nobody
   * has asked since.
   */
  meaning(
    now: Resolution,
    own_now: Resolution,
    context: NameContext,
    object_audit: boolean,
  ): Resolution {
    if (own_now === this.#then) return now
    if (!this.fixed && !meansTheSame(context, this.#context))
      return this.#anew(now, own_now, context)
    if (this.#then.missing || haveSameNames(own_now.objects, this.#then.objects)) {
      return this.#anew(now, own_now, context)
    }
    const before = namesOf(this.#then.objects)
    const listed = namesOf(now.objects)
    const changed = new Set([...namesOf(own_now.objects)].filter((name) => !before.has(name)))
    const kept = this.#then.objects.filter(({ name }) => !listed.has(name))
    if (this.fixed) {
      const still = now.objects.filter(({ name }) => !changed.has(name))
      return { objects: [...still, ...kept], missing: false }
    }
    const doubted = now.objects.map((object) =>
      changed.has(object.name) ? assumed(object) : object,
    )
    const granted = kept.map((object) =>
      object_audit && auditable(object.access) ? { ...object, audited: true } : object,
    )
    return { objects: [...doubted, ...granted.map(assumed)], missing: now.missing }
  }

  #anew(now: Resolution, own_now: Resolution, context: NameContext): Resolution {
    if (this.fixed) return now
    this.#then = own_now
    this.#context = context
    return now
  }
}

/** Statements whose names are looked up when they are prepared and stay with their plan. */
const planned_nodes: ReadonlySet<string> = new Set([
  'SelectStmt',
  'InsertStmt',
  'UpdateStmt',
  'DeleteStmt',
  'MergeStmt',
])

/** Utility statements that hold one of those, or a call: analysed with it, and run as they are. */
const partly_planned_nodes: ReadonlySet<string> = new Set([
  'CreateTableAsStmt',
  'DeclareCursorStmt',
  'ExplainStmt',
  'CallStmt',
])

/** Whether the plan of a statement keeps its names; all others look them up as they run. */
export function keepsNames({ node, objects, built_in_calls }: StatementFacts): boolean {
  if (objects.length === 0 && built_in_calls === undefined) return false
  return planned_nodes.has(node) || partly_planned_nodes.has(node)
}

/** Whether a portal's names are settled by its Bind. */
export function fixesNames({ node }: StatementFacts): boolean {
  return planned_nodes.has(node)
}

function meansTheSame(a: NameContext, b: NameContext): boolean {
  if (a.version === b.version) return true
  if (a.current_user !== b.current_user) return false
  const [one, other] = [a.search_path ?? [], b.search_path ?? []]
  return one.length === other.length && one.every((item, at) => item === other[at])
}

/** What a view is made of does not count: when that changes the server plans anew. */
function haveSameNames(a: readonly ResolvedObject[], b: readonly ResolvedObject[]): boolean {
  const [one, other] = [a, b].map((objects) => objects.filter(({ via }) => via === undefined))
  if (one === undefined || other === undefined || one.length !== other.length) return false
  return one.every((object, at) => object.name === other[at]?.name)
}

function namesOf(objects: readonly ResolvedObject[]): Set<string> {
  return new Set(objects.map(({ name }) => name))
}

function assumed(object: ResolvedObject): ResolvedObject {
  return { ...object, resolved: 'assumed' }
}

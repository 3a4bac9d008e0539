/** A role as pg_roles shows it to everyone. */
export interface Role {
  readonly oid: number
  readonly name: string
  readonly superuser: boolean
}

/** One grant of a role to another. */
export interface Membership {
  readonly role: string
  readonly member: string
  /** Whether the member has the role's privileges without SET ROLE. */
  readonly inherit: boolean
}

/** Who has whose privileges: the server's has_privs_of_role (acl.c) over a snapshot's roles. */
export class RoleGraph {
  readonly #roles: ReadonlyMap<string, Role>
  readonly #inherited = new Map<string, string[]>()
  /** Filled on demand; a database has few roles that run statements. */
  readonly #closures = new Map<string, ReadonlySet<string>>()

  constructor(roles: readonly Role[], memberships: readonly Membership[]) {
    this.#roles = new Map(roles.map((role) => [role.name, role]))
    for (const { role, member, inherit } of memberships) {
      if (!inherit) continue
      const list = this.#inherited.get(member)
      if (list === undefined) this.#inherited.set(member, [role])
      else list.push(role)
    }
  }

  /** The names of all roles. */
  names(): Iterable<string> {
    return this.#roles.keys()
  }

  get(name: string): Role | undefined {
    return this.#roles.get(name)
  }

  has(name: string): boolean {
    return this.#roles.has(name)
  }

  /** False for a role that the snapshot does not know. */
  isSuperuser(name: string): boolean {
    return this.#roles.get(name)?.superuser === true
  }

  /**
   * The roles whose privileges a role has by inheritance, itself among them. That a superuser has
   * everyone's is not considered here: ask `isSuperuser` first.
   */
  privilegesOf(name: string): ReadonlySet<string> {
    const known = this.#closures.get(name)
    if (known !== undefined) return known
    const closure = new Set([name])
    // A set iterates over what is added during the iteration, which makes this the whole closure.
    for (const member of closure) {
      for (const role of this.#inherited.get(member) ?? []) closure.add(role)
    }
    if (this.#roles.has(name)) this.#closures.set(name, closure)
    return closure
  }
}

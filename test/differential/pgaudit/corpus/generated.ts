import { Random } from '../../../fuzz/random.js'
import type { Scenario, Step } from '../player.js'

/** What a query can read: how it is named, and columns that hold numbers and texts. */
interface Source {
  readonly names: readonly string[]
  readonly number: string
  readonly text: string
}

const tables: readonly Source[] = [
  { names: ['account', 'app.account', 'ONLY account'], number: 'id', text: 'name' },
  { names: ['customer', 'app.customer', 'customer *'], number: 'account_id', text: 'city' },
  { names: ['orders', 'app."orders"'], number: 'id', text: 'doc::text' },
  { names: ['item', 'app.item'], number: 'order_id', text: 'n::text' },
  { names: ['side.account', 'side.only_here'], number: 'id', text: 'id::text' },
  { names: ['"Mixed Case"', 'app."Mixed Case"'], number: 'id', text: '"Some Column"' },
  { names: ['parent_t', 'ONLY parent_t', 'child_t'], number: 'id', text: 'v' },
  { names: ['part', 'app.part', 'part_1'], number: 'id', text: 'v' },
]

const views: readonly Source[] = [
  { names: ['account_names', 'app.account_names'], number: 'id', text: 'name' },
  { names: ['names_again'], number: 'name', text: 'city' },
  { names: ['totals'], number: 'customer_id', text: 'total::text' },
]

/** Tables that changes may go to: what they select by and what they set. */
const targets = [
  { name: 'account', key: 'id', column: 'note', value: "'x'" },
  { name: 'app.customer', key: 'account_id', column: 'city', value: "'Kiel'" },
  { name: 'orders', key: 'id', column: 'total', value: '7' },
  { name: 'item', key: 'n', column: 'price', value: '3' },
  { name: 'side.account', key: 'id', column: 'name', value: 'upper(name)' },
  { name: 'part', key: 'id', column: 'v', value: "'v'" },
  { name: 'parent_t', key: 'id', column: 'v', value: 'v || v' },
  { name: 'account_names', key: 'id', column: 'name', value: "'view'" },
] as const

/** Writes queries of a seed; every common table expression is used, since the planner drops others. */
class Writer {
  readonly #random: Random
  /** Subqueries and calls in the select list, which the planner drops where nobody asks for them. */
  readonly #droppable: boolean
  #aliases = 0

  constructor(random: Random, droppable: boolean) {
    this.#random = random
    this.#droppable = droppable
  }

  /** A query with these names for common table expressions in sight. */
  query(depth: number, ctes: readonly Source[] = []): string {
    const random = this.#random
    if (depth > 0 && random.once(4)) return this.#withClause(depth, ctes)
    if (depth > 0 && random.once(6)) {
      const words = random.pick(['UNION', 'UNION ALL', 'INTERSECT', 'EXCEPT ALL'])
      return `${this.#select(depth - 1, ctes, false)} ${words} ${this.#select(depth - 1, ctes, false)}`
    }
    return this.#select(depth, ctes, true)
  }

  #withClause(depth: number, outer: readonly Source[]): string {
    const random = this.#random
    // Some have the name of a table: then that table is hidden.
    const name = random.pick(['c1', 'c2', 'account', 'orders', '"Mixed Case"'])
    const hint = random.pick(['', 'MATERIALIZED ', 'NOT MATERIALIZED '])
    const own: Source = { names: [name], number: 'k', text: 't' }
    const body = this.#body(random, depth, outer)
    const rest = this.#select(
      depth - 1,
      [...outer.filter((cte) => cte.names[0] !== name), own],
      true,
      own,
    )
    return `WITH ${name} (k, t) AS ${hint}(${body}) ${rest}`
  }

  #body(random: Random, depth: number, outer: readonly Source[]): string {
    if (depth > 1 && random.once(3)) return this.query(depth - 1, outer)
    return this.#select(depth - 1, outer, false)
  }

  /** Two columns, a number and a text. */
  #select(depth: number, ctes: readonly Source[], clauses: boolean, must?: Source): string {
    const random = this.#random
    const from = [this.#from(depth, ctes, must)]
    if (random.once(2)) from.push(this.#from(depth, ctes))
    const [first, second] = from
    if (first === undefined) throw new Error('no FROM')
    const join =
      second === undefined
        ? ''
        : random.pick([
            `, ${second.text}`,
            ` JOIN ${second.text} ON ${first.number} = ${second.number}`,
            ` LEFT JOIN ${second.text} ON ${second.number} > 0`,
            ` CROSS JOIN LATERAL (SELECT ${first.number} AS x FROM ${second.text} LIMIT 1) l${this.#aliases}`,
          ])
    const where = random.once(2) ? ` WHERE ${this.#condition(depth, ctes, first.number)}` : ''
    const tail = clauses
      ? random.pick(['', '', ' ORDER BY 1', ' LIMIT 3', ' ORDER BY 2 LIMIT 1'])
      : ''
    const list = random.once(5)
      ? `max(${first.number}), min(${first.text_value})`
      : `${this.#scalar(depth, ctes, first.number)}, ${first.text_value}`
    return `SELECT ${list} FROM ${first.text}${join}${where}${tail}`
  }

  #from(
    depth: number,
    ctes: readonly Source[],
    must?: Source,
  ): { readonly text: string; readonly number: string; readonly text_value: string } {
    const random = this.#random
    this.#aliases += 1
    const alias = `t${this.#aliases}`
    if (must === undefined && depth > 0 && random.once(4)) {
      return {
        text: `(${this.query(depth - 1, ctes)}) ${alias} (k, t)`,
        number: `${alias}.k`,
        text_value: `${alias}.t`,
      }
    }
    const source = must ?? random.pick(random.once(3) ? [...views, ...ctes] : [...tables, ...ctes])
    const number = source.number === 'name' ? `length(${alias}.name)` : `${alias}.${source.number}`
    return {
      text: `${random.pick(source.names)} ${random.once(2) ? 'AS ' : ''}${alias}`,
      number,
      text_value: `${alias}.${source.text}`,
    }
  }

  #scalar(depth: number, ctes: readonly Source[], number: string): string {
    const random = this.#random
    if (this.#droppable && depth > 0 && random.once(5)) {
      return `(SELECT max(s.k) FROM (${this.query(depth - 1, ctes)}) s (k, t))`
    }
    if (this.#droppable && random.once(5)) return `app.counted(${number})`
    return random.pick([
      number,
      `${number} + 1`,
      `coalesce(${number}, 0)`,
      `CASE WHEN ${number} > 1 THEN 2 END`,
    ])
  }

  #condition(depth: number, ctes: readonly Source[], number: string): string {
    const random = this.#random
    if (depth > 0) {
      const inner = () => this.query(depth - 1, ctes)
      const chosen = random.below(5)
      if (chosen === 0) return `EXISTS (${inner()})`
      if (chosen === 1) return `${number} IN (SELECT i.k FROM (${inner()}) i (k, t))`
      if (chosen === 2) return `NOT EXISTS (${inner()}) OR ${number} = 1`
    }
    return random.pick([
      `${number} > 3`,
      `${number} IS NOT NULL`,
      `${number} BETWEEN 1 AND 5`,
      `${number} = ANY (ARRAY[1, 2])`,
    ])
  }

  change(depth: number): string {
    const random = this.#random
    const { name, key, column, value } = random.pick(targets)
    const some = 100_000 + random.below(100_000)
    const returning = random.once(3)
      ? ` RETURNING ${random.pick(['*', key, `${column}, ${key}`])}`
      : ''
    const source = `(${this.query(depth)}) s (k, t)`
    switch (random.below(9)) {
      case 0:
        return `INSERT INTO ${name} (${key}) VALUES (${some}), (${some + 1})${returning}`
      case 1:
        return `INSERT INTO ${name} (${key}) SELECT s.k + ${some} FROM ${source}${returning}`
      case 2:
        return `UPDATE ${name} SET ${column} = ${value} WHERE ${key} > 100000${returning}`
      case 3:
        return `UPDATE ${name} SET ${column} = ${value} FROM ${source} WHERE ${key} = s.k${returning.replace('*', key)}`
      case 4:
        return `DELETE FROM ${name} WHERE ${key} > 100000 AND EXISTS (${this.query(depth)})${returning}`
      case 5:
        return `DELETE FROM ${name} AS d USING ${source} WHERE d.${key} = s.k + 100000`
      case 6:
        return `WITH w AS (DELETE FROM ${name} WHERE ${key} > 150000 RETURNING ${key}) SELECT * FROM w, ${source}`
      case 7:
        return `INSERT INTO account (id, name) SELECT s.k + ${some}, s.t FROM ${source} ON CONFLICT (id) DO ${random.pick(['NOTHING', "UPDATE SET name = 'again'", 'UPDATE SET note = excluded.name WHERE account.id > 5'])}`
      default:
        return `MERGE INTO ${name === 'account_names' ? 'item' : name} m USING ${source} ON s.k = 0 WHEN MATCHED THEN ${random.pick(['DELETE', 'DO NOTHING'])}`
    }
  }

  /** Whatever may stand between, with a query inside. */
  around(): string {
    const random = this.#random
    const query = this.query(2)
    const name = `g${random.below(4)}`
    return random.pick([
      `CREATE VIEW ${name} (k, t) AS ${query}`,
      `CREATE OR REPLACE TEMP VIEW tv_${name} (k, t) AS ${query}`,
      `CREATE TABLE ${name} (k, t) AS ${query}`,
      `CREATE MATERIALIZED VIEW ${name} (k, t) AS ${query}`,
      `REFRESH MATERIALIZED VIEW ${name}`,
      `SELECT * FROM ${name}`,
      `SELECT * FROM side.${name} x JOIN account USING (id)`,
      `DROP VIEW IF EXISTS ${name} CASCADE`,
      `DROP TABLE ${name}`,
      `ALTER TABLE ${name} RENAME TO ${name}_2`,
      `ALTER VIEW ${name} SET SCHEMA side`,
      `COPY (${query}) TO STDOUT`,
      `EXPLAIN ANALYZE ${query}`,
      `PREPARE ${name} AS ${query}`,
      `EXECUTE ${name}`,
      `DEALLOCATE ${name}`,
      `DECLARE ${name} CURSOR WITH HOLD FOR ${query}`,
      `FETCH 2 FROM ${name}`,
      `CLOSE ${name}`,
    ])
  }
}

const between = [
  ...['BEGIN', 'COMMIT', 'ROLLBACK', 'SAVEPOINT s', 'ROLLBACK TO s', 'RELEASE s'],
  ...['SET search_path = app', 'SET search_path = side, app', 'SET LOCAL search_path = app, side'],
  ...['RESET search_path', 'SET ROLE app', 'RESET ROLE', 'SET LOCAL ROLE clerk', 'DISCARD PLANS'],
]

/** Sessions of random statements; the same for the same seed. The strict ones come first. */
export function generatedScenarios(seed: number, sessions: number, length: number): Scenario[] {
  const scenarios = Array.from({ length: sessions }, (_, at): Scenario => {
    const random = new Random(seed + at)
    // In every second session whatever is named is read, and nothing is defined.
    const strict = at % 2 === 0
    const writer = new Writer(random, !strict)
    const steps = Array.from({ length }, (): Step => {
      const kind = random.below(strict ? 7 : 10)
      if (kind < 4) return { text: writer.query(1 + random.below(3)) }
      if (kind < 7) return { text: writer.change(random.below(3)) }
      if (kind < 9) return { text: writer.around() }
      return { text: random.pick(between) }
    })
    return {
      name: `${strict ? 'strict' : 'generated'} ${seed + at}`,
      user: at % 3 === 0 ? 'dba' : 'app',
      steps,
    }
  })
  const isStrict = ({ name }: Scenario) => Number(name.startsWith('strict '))
  return scenarios.sort((a, b) => isStrict(b) - isStrict(a))
}

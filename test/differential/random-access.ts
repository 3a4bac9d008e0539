import type { Random } from '../fuzz/random.js'

/** What the generated statements work on. Every name that could be a column of two tables is. */
export const access_model = `
  create type pair as (x int, y int);
  create table t (id int primary key, a int, b int, c text, d jsonb, e int[], f pair,
    g int generated always as (a + 1) stored);
  create table u (id int primary key, a int, k int unique, m text, n jsonb);
  create table w (wid int primary key, p int default 7, q int);
  create table parted (id int, r int) partition by range (id);
  create table parted_low partition of parted for values from (0) to (100);
  create table parent (id int, s int); create table child (z int) inherits (parent);
  create view tv as select id as vid, a as va, c as vc from t where b > 0;
  insert into t values (1, 2, 3, 'c', '{"k": 1}', '{1,2}', (1, 2)), (2, 1, 1, 'd', '{}', '{}', (3, 4));
  insert into u values (1, 2, 3, 'm', '{"k": [1]}'), (5, 6, 7, 'n', '{}');
  insert into w values (1, 2, 3); insert into parted values (1, 2); insert into child values (1, 2, 3);
  analyze;`

/** The tables with their columns, and what of them is a number that may be assigned. */
const tables = {
  t: {
    columns: ['id', 'a', 'b', 'c', 'd', 'e', 'f', 'g'],
    numbers: ['id', 'a', 'b'],
    keys: ['id'],
  },
  u: { columns: ['id', 'a', 'k', 'm', 'n'], numbers: ['id', 'a', 'k'], keys: ['id', 'k'] },
  w: { columns: ['wid', 'p', 'q'], numbers: ['wid', 'p', 'q'], keys: ['wid'] },
  parted: { columns: ['id', 'r'], numbers: ['id', 'r'], keys: [] },
  parent: { columns: ['id', 's'], numbers: ['id', 's'], keys: [] },
  tv: { columns: ['vid', 'va', 'vc'], numbers: ['vid', 'va'], keys: [] },
} as const satisfies Record<
  string,
  { columns: readonly string[]; numbers: readonly string[]; keys: readonly string[] }
>

type TableName = keyof typeof tables

/** Every column of a table of the model. */
export function columnsOfTable(table: string): readonly string[] {
  return table in tables ? tables[table as TableName].columns : []
}

const table_names = Object.keys(tables) as TableName[]
const changeable: readonly TableName[] = ['t', 'u', 'w', 'parted', 'parent']

/** What a FROM list offers: an alias with columns; `table` where it is a table's own. */
interface Item {
  readonly alias: string
  readonly numbers: readonly string[]
  readonly table?: TableName
}

/** The items in sight, inner first. */
type Scope = readonly (readonly Item[])[]

/** Makes one statement out of random numbers. */
class StatementMaker {
  readonly #random: (below: number) => number
  #aliases = 0
  #ctes: readonly Item[] = []

  constructor(random: (below: number) => number) {
    this.#random = random
  }

  statement(): string {
    switch (this.#random(16)) {
      case 0:
      case 1:
        return this.#insert()
      case 2:
      case 3:
        return this.#update()
      case 4:
        return this.#delete()
      case 5:
      case 6:
        return this.#merge()
      case 7:
        return this.#copy()
      case 8:
        return this.#wrapped()
      case 9:
        return this.#changingCte()
      case 10:
        return `${this.#query([], 2, 's')} for ${this.#pick(['update', 'no key update', 'share', 'key share'])}`
      case 11:
        return this.#setOperation()
      default:
        return this.#withCte()
    }
  }

  #pick<T>(from: readonly T[]): T {
    const chosen = from[this.#random(from.length)]
    if (chosen === undefined) throw new Error('nothing to pick from')
    return chosen
  }

  #once(of: number): boolean {
    return this.#random(of) === 0
  }

  #some<T>(from: readonly T[]): readonly T[] {
    const chosen = from.filter(() => this.#once(2))
    return chosen.length === 0 ? [this.#pick(from)] : chosen
  }

  #alias(): string {
    this.#aliases += 1
    return `x${this.#aliases}`
  }

  #list(of: (index: number) => string, least = 1): string {
    return Array.from({ length: least + this.#random(3) }, (_, index) => of(index)).join(', ')
  }

  /** A number from a column in sight. */
  #column(scope: Scope): string {
    const level = scope[this.#once(4) ? this.#random(scope.length) : 0] ?? []
    if (level.length === 0) return this.#unforeseen()
    const item = this.#pick(level)
    const column = this.#pick(item.numbers)
    const visible = scope.slice(0, scope.indexOf(level) + 1).flat()
    const alone = visible.filter(({ numbers }) => numbers.includes(column)).length === 1
    return alone && this.#once(3) ? column : `${item.alias}.${column}`
  }

  /** No constant: what follows from one alone the server never plans, nor asks rights for. */
  #unforeseen(): string {
    return this.#pick(['extract(day from now())::int', 'length(current_user)'])
  }

  /** Something that only tables offer: whole rows, parts of columns, system columns. */
  #oddity(scope: Scope): string {
    const items = (scope[0] ?? []).filter(({ table }) => table !== undefined)
    if (items.length === 0) return '1'
    const { alias, table } = this.#pick(items)
    const odd = [`(${alias} is null)::int`, `length(to_jsonb(${alias})::text)`]
    if (table === 't') {
      odd.push(`(${alias}.f).x`, `${alias}.e[1]`, `length(${alias}.c)`, `${alias}.g`)
      odd.push(`(${alias}.d->>'k')::int`, `cardinality(${alias}.e)`)
    }
    if (table === 'u') odd.push(`length(${alias}.m)`, `jsonb_array_length(${alias}.n->'k')`)
    if (table !== undefined && table !== 'tv') odd.push(`(${alias}.ctid is null)::int`)
    return this.#pick(odd)
  }

  #number(scope: Scope, depth: number): string {
    switch (this.#random(depth > 0 ? 12 : 5)) {
      case 5:
        return `(${this.#number(scope, depth - 1)} + ${this.#number(scope, depth - 1)})`
      case 6:
        return `case when ${this.#condition(scope, depth - 1)} then 1 else ${this.#column(scope)} end`
      case 7:
        return `(select ${this.#pick(['max', 'count'])}(s) from (${this.#query(scope, depth - 1, 's')}) z)`
      case 8:
        return `coalesce(${this.#column(scope)}, ${this.#number(scope, depth - 1)})`
      case 9:
      case 10:
        return this.#oddity(scope)
      case 4:
        return this.#unforeseen()
      default:
        return this.#column(scope)
    }
  }

  #condition(scope: Scope, depth: number): string {
    switch (this.#random(depth > 0 ? 7 : 3)) {
      case 0:
        return `${this.#column(scope)} is distinct from 77`
      case 3:
        // The server throws the select list of EXISTS away, and subqueries in it.
        return `exists (${this.#query(scope, 0)})`
      case 4:
        return `${this.#column(scope)} in (${this.#query(scope, depth - 1, 's')})`
      case 5:
        return `(${this.#condition(scope, depth - 1)} or ${this.#condition(scope, depth - 1)})`
      case 6:
        return `${this.#unforeseen()} > 0`
      default:
        return `${this.#number(scope, depth)} >= ${this.#number(scope, depth - 1)}`
    }
  }

  #table(): { readonly text: string; readonly item: Item } {
    if (this.#ctes.length > 0 && this.#once(2)) {
      const { alias, numbers } = this.#pick(this.#ctes)
      const own = this.#alias()
      return { text: `${alias} ${own}`, item: { alias: own, numbers } }
    }
    const table = this.#pick(table_names)
    const { numbers } = tables[table]
    const alias = this.#alias()
    if (this.#once(12)) {
      const renamed = numbers.map((_, index) => `${alias}c${index}`)
      if (table !== 't' && table !== 'u' && table !== 'tv') {
        return {
          text: `${table} ${alias} (${renamed.join(', ')})`,
          item: { alias, numbers: renamed },
        }
      }
    }
    const sample = this.#once(20) && table !== 'tv' ? ' tablesample system (100)' : ''
    return { text: `${table} ${alias}${sample}`, item: { alias, numbers, table } }
  }

  #fromItem(scope: Scope, before: readonly Item[], depth: number): { text: string; item: Item } {
    const alias = this.#alias()
    switch (this.#random(depth > 0 ? 10 : 5)) {
      case 5:
        return {
          text: `(${this.#query(scope, depth - 1, 's')}) ${alias}`,
          item: { alias, numbers: ['s'] },
        }
      case 6:
        return {
          text: `lateral (${this.#query([before, ...scope], depth - 1, 's')}) ${alias}`,
          item: { alias, numbers: ['s'] },
        }
      case 7:
        return {
          text: `generate_series(1, ${this.#column([before, ...scope])}) ${alias} (n)`,
          item: { alias, numbers: ['n'] },
        }
      case 8: {
        const source = before.find(({ table }) => table === 'u')
        const context = source === undefined ? `jsonb '{"k": [1]}'` : `${source.alias}.n`
        return {
          text: `json_table(${context}, '$.k[*]' columns (v int path '$')) ${alias}`,
          item: { alias, numbers: ['v'] },
        }
      }
      default:
        return this.#table()
    }
  }

  /** A FROM list and the items that it offers. */
  #from(scope: Scope, depth: number): { readonly text: string; readonly items: readonly Item[] } {
    const first = this.#table()
    let text = first.text
    const items = [first.item]
    for (let more = this.#random(3); more > 0; more -= 1) {
      const { text: next, item } = this.#fromItem(scope, items, depth)
      const shared = first.item.numbers.filter((name) => item.numbers.includes(name))
      items.push(item)
      const kind = this.#random(5)
      if (kind === 0) text += `, ${next}`
      else if (kind === 1 && items.length === 2 && shared.length > 0) {
        text += ` join ${next} using (${this.#some(shared).join(', ')})`
      } else if (kind === 2)
        text += ` left join ${next} on ${this.#condition([[...items], ...scope], 0)}`
      else text += ` join ${next} on ${this.#condition([[...items], ...scope], 1)}`
      // A comma would end the reach of LATERAL and ON over what stands before it.
      if (kind === 0 && more > 1) break
    }
    return { text, items }
  }

  /** A query; with a name it gives one number of that name. */
  #query(outer: Scope, depth: number, name?: string): string {
    const { text, items } = this.#from(outer, depth)
    const scope: Scope = [items, ...outer]
    const where = this.#once(2) ? ` where ${this.#condition(scope, depth)}` : ''
    if (name !== undefined) {
      // What nobody uses the server throws away with the subqueries in it, unless it is volatile.
      const value = this.#number(scope, depth)
      const kept = value.includes('select') ? `${value} + (random() * 0)::int` : value
      return `select ${kept} as ${name} from ${text}${where}`
    }
    const output = this.#pick(['star', 'whole', 'none', 'count', 'window', 'numbers', 'numbers'])
    const alias = this.#pick(items).alias
    switch (output) {
      case 'star':
        return `select ${this.#once(3) ? '*' : `${alias}.*`} from ${text}${where}`
      case 'whole':
        return `select ${alias} from ${text}${where}`
      case 'none':
        return `select 1 from ${text}${where}`
      case 'count': {
        const key = this.#column(scope)
        return `select count(*), ${key} as key from ${text}${where} group by ${key} order by key`
      }
      case 'window': {
        const [by, order] = [this.#column(scope), this.#column(scope)]
        return `select row_number() over (partition by ${by} order by ${order}) as rn from ${text}${where} order by rn`
      }
      default: {
        const order = this.#once(3) ? ` order by ${this.#column(scope)}` : ''
        return `select ${this.#list(() => this.#number(scope, depth))} from ${text}${where}${order}`
      }
    }
  }

  #setOperation(): string {
    const operator = this.#pick(['union', 'union all', 'intersect', 'except'])
    return `${this.#query([], 1, 's')} ${operator} ${this.#query([], 1, 's')} order by s`
  }

  #withCte(): string {
    if (this.#once(2)) return this.#query([], 2)
    const name = this.#alias()
    const body = this.#query([], 1, 'a')
    const alias = this.#alias()
    this.#ctes = [{ alias: name, numbers: ['a'] }]
    const main = this.#query([[{ alias, numbers: ['a'] }]], 1, 's')
    return `with ${name} as (${body}) select (${main} limit 1) from ${name} ${alias}`
  }

  /** A target of a change, with its alias where it has one. */
  #target(): { readonly table: TableName; readonly text: string; readonly item: Item } {
    const table = this.#pick(changeable)
    const alias = this.#once(2) ? this.#alias() : table
    const text = alias === table ? table : `${table} as ${alias}`
    return { table, text, item: { alias, numbers: tables[table].numbers, table } }
  }

  #returning(items: readonly Item[]): string {
    const target = items[0]
    if (target === undefined || this.#once(2)) return ''
    switch (this.#random(5)) {
      case 0:
        return ` returning ${this.#pick(['old', 'new'])}.${this.#pick(target.numbers)}`
      case 1:
        return this.#renamedReturning(target)
      case 2:
        return ' returning *'
      case 3:
        return ' returning 1'
      default:
        return ` returning ${this.#number([items], 1)} as s`
    }
  }

  #renamedReturning({ numbers }: Item): string {
    const [before, after] = [this.#pick(numbers), this.#pick(numbers)]
    return ` returning with (old as was, new as is_now) was.${before}, is_now.${after}`
  }

  #insert(): string {
    const { table, text, item } = this.#target()
    const columns = this.#some(item.numbers)
    const values = columns.map(() => this.#number([[]], 1)).join(', ')
    const source = this.#pick(['default', 'values', 'values', 'query', 'query'])
    const into =
      source === 'default'
        ? `${text} default values`
        : source === 'values'
          ? `${text} (${columns.join(', ')}) values (${values})`
          : `${text} (${columns[0]}) ${this.#query([], 1, 's')}`
    return `insert into ${into}${this.#conflict(table, item)}${this.#returning([item])}`
  }

  #conflict(table: TableName, item: Item): string {
    const { keys } = tables[table]
    if (keys.length === 0 || this.#once(2)) return ''
    const key = this.#pick<string>(keys)
    if (this.#once(3)) return ` on conflict${this.#once(2) ? ` (${key})` : ''} do nothing`
    const assigned = this.#pick(item.numbers)
    const excluded: Item = { alias: 'excluded', numbers: item.numbers }
    const value = this.#once(2)
      ? `excluded.${assigned}`
      : `${item.alias}.${this.#pick(item.numbers)}`
    const where = this.#once(2)
      ? ` where ${item.alias}.${this.#pick(item.numbers)} < ${this.#column([[excluded]])}`
      : ''
    const arbiter = this.#once(4)
      ? `on constraint ${table}_${key === 'k' ? 'k_key' : 'pkey'}`
      : `(${key})`
    return ` on conflict ${arbiter} do update set ${assigned} = ${value}${where}`
  }

  #assignments(scope: Scope, numbers: readonly string[]): string {
    if (numbers.length > 1 && this.#once(4)) {
      const [one, other] = numbers
      return `(${one}, ${other}) = (select ${this.#number(scope, 1)}, 2)`
    }
    return this.#some(numbers)
      .map((column) => `${column} = ${this.#once(4) ? 'default' : this.#number(scope, 1)}`)
      .join(', ')
  }

  #update(): string {
    const { table, text, item } = this.#target()
    const from = this.#once(2) ? this.#from([], 1) : undefined
    const items = [item, ...(from?.items ?? [])]
    const odd = table === 't' && this.#once(4) ? ', f.x = 4, e[1] = 5' : ''
    const where = this.#once(3) ? '' : ` where ${this.#condition([items], 1)}`
    const source = from === undefined ? '' : ` from ${from.text}`
    return `update ${text} set ${this.#assignments([items], item.numbers)}${odd}${source}${where}${this.#returning(items)}`
  }

  #delete(): string {
    const { text, item } = this.#target()
    const using = this.#once(2) ? this.#from([], 1) : undefined
    const items = [item, ...(using?.items ?? [])]
    const where = this.#once(3) ? '' : ` where ${this.#condition([items], 1)}`
    const source = using === undefined ? '' : ` using ${using.text}`
    return `delete from ${text}${source}${where}${this.#returning(items)}`
  }

  #merge(): string {
    const { text, item } = this.#target()
    const source = this.#table()
    const both: Scope = [[item, source.item]]
    const and = (scope: Scope) => (this.#once(2) ? ` and ${this.#condition(scope, 1)}` : '')
    const matched = this.#pick([
      () => `update set ${this.#assignments(both, item.numbers)}`,
      () => 'delete',
      () => 'do nothing',
    ])()
    const inserted = this.#pick(['values', 'default', 'nothing'])
    const value = this.#number([[source.item]], 1)
    const missing =
      inserted === 'values'
        ? `insert (${this.#pick(item.numbers)}) values (${value})`
        : inserted === 'default'
          ? 'insert default values'
          : 'do nothing'
    const first = `when matched${and(both)} then ${matched}`
    const second = `when not matched${and([[source.item]])} then ${missing}`
    const third = `when not matched by source${and([[item]])} then delete`
    const clauses = this.#some([first, second, third]).join(' ')
    const on = this.#once(3)
      ? this.#condition(both, 1)
      : `${item.alias}.${this.#pick(item.numbers)} = ${source.item.alias}.${this.#pick(source.item.numbers)}`
    return `merge into ${text} using ${source.text} on ${on} ${clauses}${this.#returning([item])}`
  }

  #copy(): string {
    if (this.#once(2)) return `copy (${this.#query([], 1)}) to stdout`
    const table = this.#pick(changeable)
    const columns = this.#once(2) ? ` (${this.#some(tables[table].numbers).join(', ')})` : ''
    if (table === 'parted') return `copy (table ${table}) to stdout`
    return `copy ${table}${columns} to stdout`
  }

  #wrapped(): string {
    const name = this.#alias()
    switch (this.#random(5)) {
      case 0:
        return `explain analyze ${this.#pick([this.#query([], 1), this.#update(), this.#delete()])}`
      case 1:
        return `create temp table ${name} as ${this.#query([], 1, 's')}`
      case 2:
        return `select ${this.#number([], 1)} into temp ${name}`
      case 3:
        return `table ${this.#pick(table_names)}`
      default:
        return `declare ${name} cursor for ${this.#query([], 1)}`
    }
  }

  #changingCte(): string {
    const name = this.#alias()
    const { text, item } = this.#target()
    const column = this.#pick(item.numbers)
    const change = this.#pick([
      `insert into ${text} (${column}) values (71)`,
      `update ${text} set ${column} = ${this.#number([[item]], 1)}`,
      `delete from ${text} where ${this.#condition([[item]], 1)}`,
    ])
    const returned = `returning ${item.alias}.${this.#pick(item.numbers)} as a`
    this.#ctes = [{ alias: name, numbers: ['a'] }]
    return `with ${name} as (${change} ${returned}) ${this.#query([], 1, 's')}`
  }
}

/** One statement over the tables of the model. */
export function randomAccess(random: Random): string {
  return new StatementMaker((below) => random.below(below)).statement()
}

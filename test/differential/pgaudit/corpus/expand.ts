import type { Scenario, Step } from '../player.js'
import { type Lifecycle, lifecycles } from './lifecycles.js'

/** How the templates' objects are called. */
interface Variant {
  readonly name: string
  /** In front of the name, with its dot. */
  readonly place: string
  readonly bare: string
  /** Where RENAME goes. */
  readonly renamed: string
  readonly temporary?: boolean
  /** In a transaction block that is rolled back in the end. */
  readonly block?: boolean
}

const variants: readonly Variant[] = [
  { name: 'by search path', place: '', bare: 'thing', renamed: 'thing_2' },
  { name: 'qualified', place: 'side.', bare: 'thing_q', renamed: 'thing_q2' },
  { name: 'quoted', place: '"Odd Place".', bare: '"Thing of it"', renamed: '"thing.2"' },
  { name: 'temporary', place: '', bare: 'thing_t', renamed: 'thing_t2', temporary: true },
  { name: 'in a block', place: '', bare: 'thing_b', renamed: 'thing_b2', block: true },
]

/** Kinds whose sub-names are put together from the bare name need it unquoted. */
function filled(
  template: string,
  variant: Variant,
  bare = variant.bare,
  place = variant.place,
): string {
  const plain = bare.replace(/[^a-zA-Z0-9_]/g, '')
  return template
    .replaceAll('{n}_t', /^"/.test(bare) ? `${place}"${plain}_t"` : `${place}${bare}_t`)
    .replaceAll('{n}', `${place}${bare}`)
    .replaceAll('{d}', plain)
    .replaceAll('{place}', place)
    .replaceAll('{op}', variant.block === true ? '<<+>>' : '+++')
    .replaceAll('{temp} ', variant.temporary === true ? 'TEMP ' : '')
}

/** Every statement of one object's life. */
function stepsOf(life: Lifecycle, named: Variant): string[] {
  const variant = life.bare === true ? { ...named, place: '' } : named
  const can = new Set(life.can)
  const on = (template: string, bare?: string, place?: string) =>
    filled(template, variant, bare, place)
  const renamed = (text: string) => on(text, variant.renamed)
  const steps = [...(life.before ?? []), ...life.create].map((text) => on(text))
  if (can.has('comment')) {
    steps.push(on(`COMMENT ON ${life.word} IS 'a comment'`), on(`COMMENT ON ${life.word} IS NULL`))
  }
  if (can.has('owner')) {
    steps.push(
      on(`ALTER ${life.word} OWNER TO app`),
      on(`ALTER ${life.word} OWNER TO CURRENT_USER`),
    )
  }
  steps.push(...(life.alter ?? []).map((text) => on(text)))
  for (const grant of life.grants ?? []) {
    steps.push(
      on(`GRANT ${grant} TO clerk`),
      on(`GRANT ${grant} TO app, clerk WITH GRANT OPTION`),
      on(`REVOKE ${grant} FROM clerk CASCADE`),
      on(`REVOKE ${grant} FROM PUBLIC`),
    )
  }
  if (can.has('rename')) {
    steps.push(
      on(`ALTER ${life.word} RENAME TO ${variant.renamed}`),
      renamed(`ALTER ${life.word} RENAME TO ${variant.bare}`),
    )
  }
  if (can.has('schema') && variant.temporary !== true) {
    const back = variant.place === '' ? 'app' : variant.place.slice(0, -1)
    steps.push(
      on(`ALTER ${life.word} SET SCHEMA public`),
      on(`ALTER ${life.word} SET SCHEMA ${back}`, variant.bare, 'public.'),
    )
  }
  const drops = life.drop ?? [`DROP ${life.word}`]
  steps.push(...drops.map((text) => on(text)))
  if (life.drop === undefined && !['parameter', 'rule'].includes(life.kind)) {
    steps.push(on(`DROP ${life.word.replace(/^([A-Z ]+?) (?=[^A-Z])/, '$1 IF EXISTS ')}`))
  }
  return [...steps, ...(life.after ?? []).map((text) => on(text))]
}

function inBlock(steps: readonly string[]): string[] {
  const block = ['BEGIN', 'SAVEPOINT before_it']
  for (const step of steps) {
    // A failed statement must not end the block.
    block.push('SAVEPOINT one', step, 'ROLLBACK TO one', step, 'RELEASE SAVEPOINT one')
  }
  return [...block, 'ROLLBACK TO SAVEPOINT before_it', 'ROLLBACK']
}

/** One session for each kind and each way to name it. */
export function lifecycleScenarios(user: string): Scenario[] {
  const scenarios: Scenario[] = []
  for (const life of lifecycles) {
    for (const variant of variants) {
      if (variant.temporary === true && life.temporary !== true) continue
      if (variant.place === 'side.' && life.bare === true) continue
      if (life.once === true && variant !== variants[0] && variant.block !== true) continue
      if (variant.block === true && life.alone === true) continue
      const steps = stepsOf(life, variant)
      const texts = variant.block === true ? inBlock(steps) : steps
      scenarios.push({
        name: `${life.kind}, ${variant.name}`,
        user,
        steps: texts.map((text): Step => ({ text })),
      })
    }
  }
  return scenarios
}

import { loadModule, parseSync } from 'libpg-query'
import { analyseText } from '../../src/sql/analyse-text.js'
import type {
  CatalogChange,
  Effect,
  ObjectReference,
  StatementFacts,
  TextFacts,
} from '../../src/sql/facts.js'

await loadModule()

/** Parses and analyses a text as the parser thread does. */
export function analyse(text: string): TextFacts {
  return analyseText(text, parseSync(text))
}

/** The facts of a text that holds one statement. */
export function analyseOne(text: string): StatementFacts {
  const { statements } = analyse(text)
  const [first] = statements
  if (first === undefined || statements.length !== 1) throw new Error(`not one statement: ${text}`)
  return first
}

function dotted(name: { catalog?: string; schema?: string; name: string }): string {
  return [name.catalog, name.schema, name.name].filter((part) => part !== undefined).join('.')
}

/** An object in one line: type, name, class, access, columns, flags. */
export function renderObject(object: ObjectReference): string {
  const lookup = object.lookup === 'relation' ? '' : `/${object.lookup}`
  const on = object.on === undefined ? '' : ` on ${dotted(object.on)}`
  const columns = object.columns === undefined ? '' : ` [${object.columns.join(',')}]`
  const flags = `${object.creates === true ? ' creates' : ''}${object.temporary === true ? ' temp' : ''}`
  const name = `${dotted(object)}${object.arguments ?? ''}${on}`
  return `${object.type}${lookup} ${name} ${object.class} ${object.access.join('+')}${columns}${flags}`
}

function renderChange(change: CatalogChange): string {
  switch (change.change) {
    case 'create': {
      const columns = change.columns === undefined ? '' : ` [${change.columns.join(',')}]`
      const sources =
        change.sources === undefined ? '' : ` from [${change.sources.map(dotted).join(',')}]`
      const flags = `${change.if_not_exists ? ' if-not-exists' : ''}${change.on_commit_drop === true ? ' on-commit-drop' : ''}`
      return `create ${change.relkind}:${dotted(change.object)}${columns}${sources}${flags}`
    }
    case 'drop':
      return `drop ${dotted(change.object)}${change.missing_ok ? ' missing-ok' : ''}`
    case 'rename':
      return `rename ${dotted(change.object)} to ${change.new_name}`
    case 'move':
      return `move ${dotted(change.object)} to ${change.new_schema}`
    case 'own':
      return `own ${dotted(change.object)} by ${'role' in change.owner ? change.owner.role : change.owner.keyword}`
    case 'create_schema':
    case 'drop_schema':
      return `${change.change} ${change.name}`
    case 'rename_schema':
      return `rename_schema ${change.name} to ${change.new_name}`
    case 'refresh':
      return 'refresh'
  }
}

/** An effect in one line. */
export function renderEffect(effect: Effect): string {
  switch (effect.kind) {
    case 'set':
      return `${effect.local ? 'set local' : 'set'} ${effect.name} = ${JSON.stringify(effect.values)}`
    case 'catalog':
      return renderChange(effect.change)
    case 'opaque':
      return `opaque ${effect.forgets.join('+')}`
    case 'execute':
      return `execute ${effect.name}(${effect.parameters.map(String).join('|')})`
    case 'prepare':
      return `prepare ${effect.name}: ${effect.statement.class} ${effect.statement.command}`
    case 'declare_cursor':
      return `declare ${effect.name}${effect.hold ? ' hold' : ''}: ${effect.statement.class}`
    case 'transaction':
      return `${effect.operation}${effect.name === undefined ? '' : ` ${effect.name}`}${effect.chain === true ? ' chain' : ''}`
    case 'discard':
      return `discard ${effect.what}`
    case 'reset_all':
      return 'reset_all'
    case 'deallocate':
    case 'fetch':
    case 'close_cursor':
      return `${effect.kind} ${effect.name}`
  }
}

/** What a table row says of a statement. */
export interface Row {
  readonly sql: string
  /** Class and command. */
  readonly is: string
  /** The tags, when there are more than the command. */
  readonly tags?: string
  readonly objects?: readonly string[]
  readonly effects?: readonly string[]
  readonly grants?: readonly string[]
}

/** A statement's facts in the form of a row, for comparison as a whole. */
export function rowOf(sql: string): Row {
  const facts = analyseOne(sql)
  const objects = facts.objects.map(renderObject)
  const effects = facts.effects.map(renderEffect)
  const grants = facts.grants?.map(({ privilege, grantee }) => `${privilege} to ${grantee}`)
  const tags = facts.tags.join('|')
  return {
    sql,
    is: `${facts.class} ${facts.command}`,
    ...(tags === facts.command ? {} : { tags }),
    ...(objects.length === 0 ? {} : { objects }),
    ...(effects.length === 0 ? {} : { effects }),
    ...(grants === undefined ? {} : { grants }),
  }
}

import { quoteIdentifier } from '../catalog/quote-identifier.js'
import type { CatalogChange, Effect } from '../sql/facts.js'
import { describeObject } from './describe-object.js'
import { oneLine } from './terminal-text.js'

/** What a statement does to its session when it succeeds, in one line. */
export function describeEffect(effect: Effect): string {
  return oneLine(sentence(effect))
}

function sentence(effect: Effect): string {
  switch (effect.kind) {
    case 'set': {
      const scope = effect.local ? ' for this transaction' : ''
      return `sets ${effect.name} to ${effect.values?.join(', ') ?? 'its default'}${scope}`
    }
    case 'reset_all':
      return 'sets all settings to their defaults'
    case 'discard':
      return `discards ${effect.what}`
    case 'transaction':
      return `${effect.operation.replaceAll('_', ' ')}${named(effect.name)}${effect.chain === true ? ' and chain' : ''}`
    case 'prepare':
      return `prepares${named(effect.name)}: ${effect.statement.class} ${effect.statement.command}`
    case 'execute':
      return `executes${named(effect.name)} with ${effect.parameters.length} arguments`
    case 'deallocate':
      return `deallocates${named(effect.name ?? undefined) || ' all'}`
    case 'declare_cursor': {
      const hold = effect.hold ? ', kept after the transaction' : ''
      return `declares cursor${named(effect.name)}: ${effect.statement.command}${hold}`
    }
    case 'fetch':
      return `fetches from cursor${named(effect.name)}`
    case 'close_cursor':
      return `closes${effect.name === null ? ' all cursors' : ` cursor${named(effect.name)}`}`
    case 'catalog':
      return catalogSentence(effect.change)
    case 'opaque':
      return `may change, unseen: ${effect.forgets.join(', ')}`
    default:
      return effect satisfies never
  }
}

function named(name: string | undefined): string {
  return name === undefined ? '' : ` ${quoteIdentifier(name)}`
}

function catalogSentence(change: CatalogChange): string {
  switch (change.change) {
    case 'create':
    case 'drop':
      return `${change.change}s ${describeObject(change.object)}`
    case 'rename':
      return `renames ${describeObject(change.object)} to${named(change.new_name)}`
    case 'move':
      return `moves ${describeObject(change.object)} to schema${named(change.new_schema)}`
    case 'own': {
      const owner =
        'role' in change.owner ? quoteIdentifier(change.owner.role) : change.owner.keyword
      return `gives ${describeObject(change.object)} to ${owner}`
    }
    case 'create_schema':
      return `creates schema${named(change.name)}`
    case 'drop_schema':
      return `drops schema${named(change.name)}`
    case 'rename_schema':
      return `renames schema${named(change.name)} to${named(change.new_name)}`
    case 'refresh':
      return 'asks for a new look at the catalog'
    default:
      return change satisfies never
  }
}

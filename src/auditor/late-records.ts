import type { SessionCatalog, Unsettled } from '../catalog/names.js'
import { limits } from '../lib/limits.js'
import type { Conversation } from '../session/conversation.js'
import type { SessionReport } from '../session/execution.js'
import type { QueryRequest, SentText, SessionEvent } from '../session/requests.js'
import type { SessionState } from '../session/session-state.js'
import { parseCommandTag } from '../sql/command-tag.js'
import type { StatementFacts } from '../sql/facts.js'

/** Commands that change names or rights, by the words that their tags begin with. */
const changing_tags = /^(?:CREATE|ALTER|DROP|GRANT|REVOKE|REASSIGN|IMPORT|COMMIT PREPARED)/
/** Those among them that may change schemas, or objects in several. */
const sweeping_tags = /SCHEMA|OWNED|EXTENSION|IMPORT|COMMIT/
const sweeping_changes: ReadonlySet<string> = new Set([
  'create_schema',
  'drop_schema',
  'refresh',
  'rename_schema',
])
/** SELECT INTO and CREATE TABLE AS, also behind EXECUTE, are answered like a SELECT. */
const making_words = /\b(?:create|into|execute)\b/i

/** What the text of a request may make, looked at once however often its session waits. */
const makers = new WeakMap<SentText, boolean>()

/**
 * Tells the catalog of a session whose records wait, for the parser, the catalog or room in the trail.
 * They tell of what was answered before. And what the session changed meanwhile for all others is not
 * known yet; the server's tags tell that something was changed, but not what: names of others are
 * certain only as far as that leaves them.
 */
export class LateRecords {
  readonly #conversation: Conversation
  readonly #state: SessionState
  readonly #names: SessionCatalog
  /** How many of the waiting events have been looked at. */
  #seen = 0
  #found: Unsettled = 'nothing'
  /** Something that makes relations was prepared or bound among them. */
  #makes = false

  constructor(conversation: Conversation, state: SessionState, names: SessionCatalog) {
    this.#conversation = conversation
    this.#state = state
    this.#names = names
  }

  /** The waiting events are others now. */
  reset(): void {
    this.#seen = 0
    this.#found = 'nothing'
    this.#makes = false
  }

  /** To be called whenever something may wait; `waiting` is the report whose names are looked up. */
  tell(lagging: boolean, waiting: SessionReport | undefined): void {
    this.#names.setLagging(lagging)
    this.#names.setUnsettled(lagging ? this.#look(waiting) : 'nothing')
  }

  #look(waiting: SessionReport | undefined): Unsettled {
    for (const effect of waiting?.kind === 'execution' ? waiting.effects : []) {
      if (effect.kind !== 'catalog') continue
      this.#find(sweeping_changes.has(effect.change.change) ? 'schemas' : 'names')
    }
    // What the open transaction has changed is everybody's with a COMMIT.
    const { uncommitted } = this.#names
    const { events } = this.#conversation
    for (; this.#seen < events.length && this.#found !== 'schemas'; this.#seen += 1) {
      const event = events.at(this.#seen)
      if (event !== undefined) this.#lookAt(event, uncommitted)
    }
    return this.#found
  }

  #lookAt(event: SessionEvent, uncommitted: Unsettled): void {
    switch (event.kind) {
      case 'query': {
        const answers = answersOf(event)
        this.#find(answers.changed)
        if (answers.commits) this.#find(uncommitted)
        return
      }
      case 'parse':
        this.#makes ||= mayMake(event.text)
        return
      case 'bind':
        this.#makes ||= changes(this.#state.statements.get(event.statement)?.statement)
        return
      case 'execute': {
        const bound = this.#state.portals.get(event.portal)?.prepared.statement
        const command = commandOf(event.completion?.tag)
        this.#find(changedBy(command, this.#makes || changes(bound)))
        if (command === 'COMMIT') this.#find(uncommitted)
        return
      }
      case 'ready':
      case 'sync':
        // The end of an implicit transaction.
        if (event.status === 'I') this.#find(uncommitted)
        return
      default:
    }
  }

  #find(changed: Unsettled): void {
    this.#found = more(this.#found, changed)
  }
}

function more(one: Unsettled, other: Unsettled): Unsettled {
  return other === 'schemas' || one === 'nothing' ? other : one
}

function commandOf(tag: string | undefined): string {
  return tag === undefined ? '' : parseCommandTag(tag).command
}

/** What a statement with this tag changed; `makes`: it may be one that makes relations. */
function changedBy(command: string, makes: boolean): Unsettled {
  if (!changing_tags.test(command) && !(makes && command === 'SELECT')) return 'nothing'
  return sweeping_tags.test(command) ? 'schemas' : 'names'
}

interface Answers {
  readonly changed: Unsettled
  readonly commits: boolean
}

/** What the answers to a Query tell, gone through once: it may have very many, and wait often. */
const answered = new WeakMap<QueryRequest, Answers>()

function answersOf(event: QueryRequest): Answers {
  const known = answered.get(event)
  if (known !== undefined) return known
  let changed: Unsettled = 'nothing'
  let commits = false
  const makes = event.completions.length > 0 && mayMake(event.text)
  for (const { tag } of event.completions) {
    const command = commandOf(tag)
    changed = more(changed, changedBy(command, makes))
    commits ||= command === 'COMMIT'
  }
  answered.set(event, { changed, commits })
  return { changed, commits }
}

function changes(statement: StatementFacts | undefined): boolean {
  return statement?.effects.some(({ kind }) => kind === 'catalog') === true
}

function mayMake(text: SentText): boolean {
  const known = makers.get(text)
  if (known !== undefined) return known
  const { facts } = text.ticket
  const makes =
    facts === undefined || facts.status !== 'parsed'
      ? text.text.length > limits.redacted_here_chars || making_words.test(text.text)
      : facts.statements.some(changes)
  makers.set(text, makes)
  return makes
}

import { limits } from '../lib/limits.js'
import { unparsedFacts } from './analyse-text.js'
import type { Access, ObjectReference, StatementClass, StatementFacts, TextFacts } from './facts.js'
import { redactUnparsedText } from './redact-unparsed.js'
import { foldedName, type ReplicationToken, replicationToken } from './replication-tokens.js'
import { isSecretOption, redacted } from './secret-names.js'
import { applySpans, type Span } from './spans.js'

/**
 * Reads the commands that a server takes on a replication connection beside or instead of SQL.
 * Source: src/backend/replication/repl_gram.y and walsender.c (exec_replication_command) of
 * PostgreSQL 12 to 18: what any of these takes is read, and which of them it is decides the server.
 */

interface CommandKind {
  readonly class: StatementClass
  readonly reason: string
  /** Reads what follows the keyword; false when the grammar has no such command. */
  read(reader: Reader): boolean
}

const gives_changes = 'It streams the changes of the server to the client.'

const commands: Readonly<Record<string, CommandKind>> = {
  IDENTIFY_SYSTEM: {
    class: 'MISC',
    reason: 'It tells which server this is and where its log stands.',
    read: () => true,
  },
  READ_REPLICATION_SLOT: {
    class: 'MISC',
    reason: 'It tells where a replication slot stands.',
    read: (reader) => reader.slot('select', 'MISC', reader.dottedName()),
  },
  SHOW: {
    class: 'MISC',
    reason: 'It shows a setting.',
    read: (reader) => reader.dottedName() !== undefined,
  },
  BASE_BACKUP: {
    class: 'BACKUP',
    reason: 'It copies the files of the whole server.',
    read: (reader) => (reader.isSymbol('(') ? reader.options() : reader.legacyBackupOptions()),
  },
  UPLOAD_MANIFEST: {
    class: 'BACKUP',
    reason: 'It brings the list of an earlier backup, for one of what has changed since.',
    read: () => true,
  },
  START_REPLICATION: {
    class: 'READ',
    reason: gives_changes,
    read: (reader) => reader.startReplication(),
  },
  TIMELINE_HISTORY: {
    class: 'READ',
    reason: 'It gives a file of the server to the client.',
    read: (reader) => reader.timeline(),
  },
  CREATE_REPLICATION_SLOT: {
    class: 'MISC',
    reason: 'It makes a replication slot.',
    read: (reader) => reader.slot('create', 'MISC', reader.name()) && reader.slotKind(),
  },
  ALTER_REPLICATION_SLOT: {
    class: 'MISC',
    reason: 'It changes a replication slot.',
    read: (reader) => reader.slot('alter', 'MISC', reader.name()) && reader.options(),
  },
  DROP_REPLICATION_SLOT: {
    class: 'MISC',
    reason: 'It drops a replication slot.',
    read: (reader) => reader.slot('drop', 'MISC', reader.name()) && reader.optional('WAIT'),
  },
}

/** Keywords besides the commands': where a name is asked for, they are none. */
const keywords: ReadonlySet<string> = new Set([
  ...Object.keys(commands),
  ...'TIMELINE PHYSICAL RESERVE_WAL LOGICAL SLOT TEMPORARY TWO_PHASE'.split(' '),
  ...'EXPORT_SNAPSHOT NOEXPORT_SNAPSHOT USE_SNAPSHOT WAIT'.split(' '),
])

const slot_options = 'EXPORT_SNAPSHOT NOEXPORT_SNAPSHOT USE_SNAPSHOT RESERVE_WAL TWO_PHASE'.split(
  ' ',
)

/** Options of BASE_BACKUP before PostgreSQL 15, with the kind of token that follows each. */
const legacy_backup_options: ReadonlyMap<string, 'string' | 'number' | undefined> = new Map([
  ['LABEL', 'string'],
  ['PROGRESS', undefined],
  ['FAST', undefined],
  ['WAL', undefined],
  ['NOWAIT', undefined],
  ['MAX_RATE', 'number'],
  ['TABLESPACE_MAP', undefined],
  ['NOVERIFY_CHECKSUMS', undefined],
  ['MANIFEST', 'string'],
  ['MANIFEST_CHECKSUMS', 'string'],
])

/**
 * The replication command that a text is by its first word, whatever follows; undefined for what
 * the server gives to its SQL parser. A comment before it, or another case, makes it SQL.
 */
export function replicationKeyword(text: string): string | undefined {
  const first = replicationToken(text, 0)
  return first?.kind === 'word' && Object.hasOwn(commands, first.text) ? first.text : undefined
}

/**
 * The facts of a text that `replicationKeyword` says is a replication command. One that the grammar
 * does not have is `syntax_error`, at least WRITE; so is one that is too long to be read here.
 */
export function replicationFacts(text: string, keyword: string): TextFacts {
  if (text.length > limits.redacted_here_chars) {
    const head = redactUnparsedText(text.slice(0, limits.redacted_here_chars))
    return notRead(text, keyword, 'unparsed', 'the command is too long', `${head} ${redacted}`)
  }
  const kind = commands[keyword]
  const reader = new Reader(text)
  if (kind === undefined || !reader.optional(keyword) || !kind.read(reader) || !reader.ends()) {
    const shown = redactUnparsedText(text)
    return notRead(text, keyword, 'syntax_error', 'no such replication command', shown)
  }
  const statement: StatementFacts = {
    start: 0,
    end: text.length,
    text: reader.shownText(),
    node: 'ReplicationCommand',
    class: kind.class,
    command: keyword,
    // Before PostgreSQL 13 all of them end with the tag of a query.
    tags: [keyword, 'SELECT'],
    objects: reader.objects,
    effects: [],
    secret_parameters: false,
    reason: kind.reason,
  }
  return { status: 'parsed', statements: [statement], weight: 0 }
}

function notRead(
  text: string,
  keyword: string,
  status: 'syntax_error' | 'unparsed',
  problem: string,
  shown: string,
): TextFacts {
  const facts = unparsedFacts(text, status, problem, shown)
  const statements = facts.statements.map((statement) => ({ ...statement, command: keyword }))
  return { ...facts, statements }
}

/** Takes one command apart, token by token. */
class Reader {
  readonly objects: ObjectReference[] = []
  readonly #text: string
  readonly #secrets: Span[] = []
  /** Where the last token ended that was taken. */
  #end = 0
  /** Undefined behind a quote that is not closed: nothing fits any more. */
  #token: ReplicationToken | undefined

  constructor(text: string) {
    this.#text = text
    this.#token = replicationToken(text, 0)
  }

  /** Takes a keyword if it is there; always true, so that it reads well in a row. */
  optional(keyword: string): true {
    this.#keyword(keyword)
    return true
  }

  isSymbol(symbol: string): boolean {
    return this.#token?.kind === 'symbol' && this.#token.text === symbol
  }

  /** A name; undefined, with nothing taken, where none is. */
  name(): string | undefined {
    const token = this.#token
    const is_word = token?.kind === 'word' && !keywords.has(token.text)
    if (token === undefined || (!is_word && token.kind !== 'quoted')) return undefined
    this.#next()
    return cut(token.value)
  }

  dottedName(): string | undefined {
    let name = this.name()
    while (name !== undefined && this.#symbol('.')) {
      const part = this.name()
      name = part === undefined ? undefined : `${name}.${part}`
    }
    return name
  }

  /** Adds the slot of this name; false when there is no name. */
  slot(access: Access, object_class: StatementClass, name: string | undefined): boolean {
    if (name === undefined) return false
    this.#object('REPLICATION SLOT', name, object_class, access)
    return true
  }

  /** `[TEMPORARY] PHYSICAL | LOGICAL plugin`, and the options of either syntax. */
  slotKind(): boolean {
    this.optional('TEMPORARY')
    if (!this.#keyword('PHYSICAL') && !(this.#keyword('LOGICAL') && this.name() !== undefined)) {
      return false
    }
    if (this.isSymbol('(')) return this.options()
    while (slot_options.some((option) => this.#keyword(option)));
    return true
  }

  startReplication(): boolean {
    const named = this.#keyword('SLOT')
    if (named && !this.slot('select', 'READ', this.name())) return false
    if (named && this.#keyword('LOGICAL')) {
      if (this.#take('position') === undefined) return false
      return this.isSymbol('(')
        ? this.#options((name, value) => this.#pluginOption(name, value))
        : true
    }
    this.optional('PHYSICAL')
    if (this.#take('position') === undefined) return false
    return !this.#keyword('TIMELINE') || this.timeline()
  }

  timeline(): boolean {
    const timeline = this.#take('number')
    return timeline !== undefined && Number(timeline.text) > 0
  }

  /** `(name [value], …)`: a name may be a keyword here, a value a name, text or number. */
  options(): boolean {
    return this.#options()
  }

  legacyBackupOptions(): boolean {
    for (;;) {
      const option = this.#token
      if (option?.kind !== 'word' || !legacy_backup_options.has(option.text)) return true
      this.#next()
      const wanted = legacy_backup_options.get(option.text)
      if (wanted === undefined) continue
      const value = this.#take(wanted)
      if (value === undefined) return false
      this.#hideSecret(option.value, value)
    }
  }

  /** A semicolon may end the command, and nothing else may follow. */
  ends(): boolean {
    const end = this.#end
    this.#symbol(';')
    // The semicolon is no part of what is shown.
    this.#end = end
    return this.#token?.kind === 'end'
  }

  /** The text without blanks and semicolon around it, secrets replaced. */
  shownText(): string {
    const written = this.#text.slice(0, this.#end)
    return applySpans(written, this.#secrets).trimStart()
  }

  #options(onText?: (name: string, value: string) => void): boolean {
    if (!this.#symbol('(')) return false
    do {
      const option = this.#token
      if (option?.kind !== 'word' && option?.kind !== 'quoted') return false
      this.#next()
      const value = this.#value()
      if (value?.kind === 'string') onText?.(option.value, value.value)
      if (value !== undefined) this.#hideSecret(option.value, value)
    } while (this.#symbol(','))
    return this.#symbol(')')
  }

  #value(): ReplicationToken | undefined {
    const token = this.#token
    if (token?.kind === 'word' && keywords.has(token.text)) return undefined
    if (token === undefined || token.kind === 'symbol' || token.kind === 'end') return undefined
    if (token.kind === 'position') return undefined
    this.#next()
    return token
  }

  /** pgoutput is told the publications that are wanted. */
  #pluginOption(name: string, value: string): void {
    if (name !== 'publication_names') return
    for (const publication of identifiers(value)) {
      this.#object('PUBLICATION', publication, 'READ', 'select')
    }
  }

  #object(type: string, name: string, object_class: StatementClass, access: Access): void {
    this.objects.push({ lookup: 'global', name, type, class: object_class, access: [access] })
  }

  /** Output plugins may have options of any name, and people put anything into a label. */
  #hideSecret(option: string, { value, start, end }: ReplicationToken): void {
    if (!isSecretOption(option) && redactUnparsedText(value) === value) return
    this.#secrets.push({ start, end, text: `'${redacted}'` })
  }

  #keyword(keyword: string): boolean {
    if (this.#token?.kind !== 'word' || this.#token.text !== keyword) return false
    this.#next()
    return true
  }

  #symbol(symbol: string): boolean {
    if (!this.isSymbol(symbol)) return false
    this.#next()
    return true
  }

  #take(kind: ReplicationToken['kind']): ReplicationToken | undefined {
    const token = this.#token
    if (token?.kind !== kind) return undefined
    this.#next()
    return token
  }

  #next(): void {
    this.#end = this.#token?.end ?? this.#end
    this.#token = this.#token && replicationToken(this.#text, this.#token.end)
  }
}

/** The server compares as much of a name as it keeps. */
function cut(name: string): string {
  const bytes = Buffer.from(name)
  if (bytes.length <= limits.identifier_bytes) return name
  return bytes.toString('utf8', 0, limits.identifier_bytes)
}

/** A list of names as SplitIdentifierString in varlena.c reads it; none when it is no such list. */
function identifiers(list: string): readonly string[] {
  const names: string[] = []
  const item = /\s*(?:"((?:[^"]|"")*)"|([^\s,"]+))\s*(,|$)/y
  while (item.lastIndex < list.length) {
    const match = item.exec(list)
    if (match === null) return []
    const [, quoted, plain = '', separator] = match
    names.push(cut(quoted === undefined ? foldedName(plain) : quoted.replaceAll('""', '"')))
    if (separator === '') break
  }
  return names
}

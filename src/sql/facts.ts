/**
 * What the parser thread says of a text: the vocabulary between the room that reads SQL and the
 * rooms that resolve names, decide and record. Facts depend on the text alone, never on a session
 * or a catalog, so that one analysis serves every session that sends the same text.
 */

/** The session classes that a statement itself can have (pgaudit's names, and BACKUP). */
export type StatementClass = 'READ' | 'WRITE' | 'FUNCTION' | 'ROLE' | 'DDL' | 'MISC' | 'BACKUP'

/** Strength order: the class of a record is the strongest thing that its statement does. */
export const statement_class_strength = {
  MISC: 0,
  READ: 1,
  FUNCTION: 2,
  WRITE: 3,
  DDL: 4,
  ROLE: 5,
  BACKUP: 6,
} as const satisfies Record<StatementClass, number>

/** What a statement does with an object. */
export type Access =
  | 'select'
  | 'insert'
  | 'update'
  | 'delete'
  | 'truncate'
  | 'execute'
  | 'create'
  | 'alter'
  | 'drop'
  | 'grant'
  | 'reference'

/**
 * How a name is looked up.
 * - `relation`: tables, views, indexes, sequences, composite types: one namespace per schema.
 * - `function`: functions, procedures and aggregates.
 * - `type`: types and domains.
 * - `schema_object`: everything else that lives in a schema (operators, collations, …).
 * - `global`: what lives in no schema (roles, databases, schemas themselves, extensions, …).
 */
export type Lookup = 'relation' | 'function' | 'type' | 'schema_object' | 'global'

/** What the columns of a relation can be asked for by themselves, with privileges of their own. */
export type ColumnAccess = Extract<Access, 'select' | 'insert' | 'update'>

/**
 * The columns of an object apart by what is done with them. An empty list says that none is named
 * (`count(*)`, a row lock); without a list the text does not tell.
 */
export type ColumnsApart = Readonly<Partial<Record<ColumnAccess, readonly string[]>>>

/** An object as the text names it, before any name is resolved. Names are unquoted and folded. */
export interface ObjectReference {
  readonly lookup: Lookup
  /** The database part of a three-part name. */
  readonly catalog?: string
  readonly schema?: string
  readonly name: string
  /** pgaudit's object type as far as the text tells (`TABLE` for any relation that is read). */
  readonly type: string
  readonly class: StatementClass
  readonly access: readonly Access[]
  /** Column names where the text tells them; `*` for whole rows; absent when it cannot tell. */
  readonly columns?: readonly string[]
  /** Where these do not all belong to one access, or where there are certainly none. */
  readonly columns_apart?: ColumnsApart
  /**
   * Names that are columns of this relation or of another in sight, which the text does not tell:
   * who knows the relation's columns does. Those in `columns_apart` are certain.
   */
  readonly columns_perhaps?: readonly string[]
  /** True where columns are named, but not at every mention: there the right to any of them counts. */
  readonly columns_missing?: true
  /** `(integer, text)`, for a function that DDL names with its arguments. */
  readonly arguments?: string
  /** True when the statement makes this object: an unqualified name goes to the creation schema. */
  readonly creates?: boolean
  /** True for CREATE TEMP …: the object goes to pg_temp. */
  readonly temporary?: boolean
  /** For sub-objects such as a trigger, policy or rule: the relation that it hangs on. */
  readonly on?: { readonly schema?: string; readonly name: string }
}

/** Who an object is to belong to: a role, or whoever the session is at that moment. */
export type OwnerName =
  | { readonly role: string }
  | { readonly keyword: 'current_user' | 'session_user' }

/**
 * Stands for a schema that has the name of whoever the session is at that moment, as CREATE SCHEMA
 * AUTHORIZATION CURRENT_USER makes it. No name of PostgreSQL's holds U+0000.
 */
export type OwnSchema = '\0current_user' | '\0session_user'

/**
 * What nobody can say until the catalog has been read again: who may do what (`rights`), the same in
 * every database of the server and who is a member of what (`roles`), which objects there are and
 * who is a superuser (`objects`), or that there are new ones which no text names (`names`).
 */
export type CatalogDoubt = 'rights' | 'roles' | 'objects' | 'names'

/** Makes the catalog overlay follow what a session does. */
export type CatalogChange =
  | {
      readonly change: 'create'
      readonly object: ObjectReference
      /** pg_class.relkind, or '' for what is not a relation. */
      readonly relkind: string
      readonly columns?: readonly string[]
      readonly if_not_exists: boolean
      /** For a view: the relations that its query names, so that it can be expanded at once. */
      readonly sources?: readonly ObjectReference[]
      /** For CREATE TEMP TABLE … ON COMMIT DROP: it is gone after its transaction. */
      readonly on_commit_drop?: boolean
    }
  | { readonly change: 'drop'; readonly object: ObjectReference; readonly missing_ok: boolean }
  | { readonly change: 'rename'; readonly object: ObjectReference; readonly new_name: string }
  | { readonly change: 'move'; readonly object: ObjectReference; readonly new_schema: string }
  | { readonly change: 'own'; readonly object: ObjectReference; readonly owner: OwnerName }
  | { readonly change: 'create_schema'; readonly name: string; readonly owner?: OwnerName }
  | { readonly change: 'drop_schema'; readonly name: string }
  | { readonly change: 'rename_schema'; readonly name: string; readonly new_name: string }
  /** Something that only a new snapshot can show: GRANT, roles, defaults, ownership, extensions. */
  /** `roles`: it changes roles, which all databases of the server share. */
  | { readonly change: 'refresh'; readonly doubts?: readonly CatalogDoubt[] }

/** What a statement does to its session, to be applied only when the server says it succeeded. */
export type Effect =
  /** SET, SET LOCAL; `values` are the list items; null is DEFAULT (and RESET). */
  | {
      readonly kind: 'set'
      /** Lower-case setting name; `role` and `session_authorization` are settings too. */
      readonly name: string
      readonly values: readonly string[] | null
      readonly local: boolean
    }
  | { readonly kind: 'reset_all' }
  | { readonly kind: 'discard'; readonly what: 'all' | 'plans' | 'sequences' | 'temp' }
  | {
      readonly kind: 'transaction'
      readonly operation:
        | 'begin'
        | 'commit'
        | 'rollback'
        | 'savepoint'
        | 'release'
        | 'rollback_to'
        | 'prepare_transaction'
        | 'commit_prepared'
        | 'rollback_prepared'
      /** Savepoint name or transaction identifier. */
      readonly name?: string
      /** COMMIT AND CHAIN, ROLLBACK AND CHAIN. */
      readonly chain?: boolean
    }
  | {
      readonly kind: 'prepare'
      readonly name: string
      /** The text of the whole PREPARE statement, redacted. */
      readonly text: string
      readonly statement: StatementFacts
    }
  | {
      readonly kind: 'execute'
      readonly name: string
      /** Literal arguments; null for NULL; undefined when an argument is an expression. */
      readonly parameters: readonly (string | null | undefined)[]
    }
  | { readonly kind: 'deallocate'; readonly name: string | null }
  | {
      readonly kind: 'declare_cursor'
      readonly name: string
      readonly hold: boolean
      readonly statement: StatementFacts
    }
  | { readonly kind: 'fetch'; readonly name: string }
  | { readonly kind: 'close_cursor'; readonly name: string | null }
  | { readonly kind: 'catalog'; readonly change: CatalogChange }
  /** DO, CALL, `UPDATE pg_settings`, opaque functions: these may have changed without our seeing. */
  | {
      readonly kind: 'opaque'
      readonly forgets: readonly ('settings' | 'role' | 'temporary' | 'prepared')[]
    }

/** One statement of a text. */
export interface StatementFacts {
  /** Offsets into the text in UTF-16 code units; `end` is exclusive, without the semicolon. */
  readonly start: number
  readonly end: number
  /** This statement alone, trimmed of blanks and semicolon, secrets replaced by `<REDACTED>`. */
  readonly text: string
  /** The grammar's node kind, such as `SelectStmt`; `''` when the text could not be parsed. */
  readonly node: string
  readonly class: StatementClass
  /** The tag that the server is expected to answer, without counts: `INSERT`, `CREATE TABLE`. */
  readonly command: string
  /** Every tag that is compatible with the parse; `command` is among them; `*` is any tag. */
  readonly tags: readonly string[]
  readonly objects: readonly ObjectReference[]
  /**
   * Names without schema that are called and taken for functions of pg_catalog; absent when there
   * are none. A function of the user may have the same name, which only the catalog knows.
   */
  readonly built_in_calls?: readonly string[]
  readonly effects: readonly Effect[]
  readonly grants?: readonly { readonly privilege: string; readonly grantee: string }[]
  /** True when the parameters of this statement may carry a secret and must not be recorded. */
  readonly secret_parameters: boolean
  /** Why the class is what it is, one sentence, for `pgwitness explain`. */
  readonly reason: string
  /**
   * The statement of another text whose analysis this one shares: all is the same but place, text
   * and the values of literals. What is remembered of the one holds for the other.
   */
  readonly analysed_as?: StatementFacts
}

/** How a text is shown that the server may have read otherwise than the grammar does. */
export interface OtherReading {
  /** The whole text without what is a secret under any reading. */
  readonly text: string
  /** True when it had such secrets: then values and names may be parts of them, too. */
  readonly secret: boolean
}

/**
 * Whether texts that differ from one in plain literals alone have the same facts: `shared`, or why
 * they need not have.
 */
export type Sharing = 'shared' | `own: ${string}`

/** All that is known of one text. Immutable; shared between sessions. */
export interface TextFacts {
  /**
   * - `parsed`: the grammar accepts it, `statements` is complete (and empty for an empty query).
   * - `syntax_error`: the grammar refuses it; the server is expected to refuse it as well.
   * - `unparsed`: the parser could not say (too large, timed out, exhausted, decoding in doubt).
   * For the latter two `statements` holds one entry of class WRITE with node `''` that spans the
   * whole text and carries its redacted form.
   */
  readonly status: 'parsed' | 'syntax_error' | 'unparsed'
  readonly statements: readonly StatementFacts[]
  /**
   * Of a parsed text that has other tokens, and perhaps other statements, where backslashes escape
   * in plain literals: how its records show it when they might have. Absent otherwise.
   */
  readonly other_reading?: OtherReading
  /** The parser's own words when it failed. */
  readonly problem?: string
  /** Whether texts that differ in plain literals alone have these facts; absent: nobody looked. */
  readonly sharing?: Sharing
  /** Approximate size in bytes, for the bound of the cache. */
  readonly weight: number
}

/**
 * The answer to "what is this text": either known at once or arriving later from the parser
 * thread. `facts` is set before the callbacks of `when_ready` run; they run in order of
 * registration, never synchronously inside `when_ready` when the facts are still missing.
 */
export interface FactsTicket {
  facts: TextFacts | undefined
  /** Calls back as soon as `facts` is set; at once when it is set already. */
  when_ready(callback: () => void): void
}

/** The one door to the parser: the interface that the relay loop sees. */
export interface FactsSource {
  /**
   * Never throws, never blocks; the same text asked twice gives the same facts. `asker` is whoever
   * asks, a session: askers wait for the parser in turn, so that none waits for all texts of
   * another. Without one the text waits behind all that nobody in particular asks.
   */
  lookup(text: string, asker?: object): FactsTicket
  close(): Promise<void>
}

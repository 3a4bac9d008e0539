/** What `test/tidy.test.ts` holds the code to: the table of docs/architecture.md, as data. */

/** A folder of src, or one of the files beside the folders. */
export type Room =
  | 'lib'
  | 'errors'
  | 'wire'
  | 'session'
  | 'sql'
  | 'catalog'
  | 'rules'
  | 'record'
  | 'trail'
  | 'proxy'
  | 'ops'
  | 'config'
  | 'cli'
  | 'auditor'
  | 'app'
  | 'main'

/** What a room may import of ours beside `lib` and `errors`, which all may. */
export interface RoomRule {
  readonly values: readonly Room[]
  /** Only by `import type`, which leaves nothing behind at run time. */
  readonly types: readonly Room[]
}

export const room_rules = {
  lib: { values: [], types: [] },
  errors: { values: [], types: [] },
  wire: { values: [], types: [] },
  session: { values: ['wire', 'sql'], types: [] },
  sql: { values: [], types: [] },
  catalog: { values: [], types: ['sql'] },
  rules: { values: [], types: ['config', 'sql', 'catalog'] },
  record: { values: [], types: ['rules', 'sql', 'catalog'] },
  trail: { values: ['record'], types: [] },
  proxy: { values: ['wire'], types: ['config'] },
  ops: { values: [], types: [] },
  config: { values: [], types: [] },
  cli: { values: ['app', 'config', 'trail', 'record', 'sql', 'catalog', 'rules'], types: [] },
  auditor: {
    values: ['wire', 'session', 'sql', 'catalog', 'rules', 'record'],
    types: ['config', 'proxy', 'trail'],
  },
  app: {
    values: [
      ...(['auditor', 'catalog', 'cli', 'config', 'ops', 'proxy', 'record', 'rules'] as const),
      ...(['session', 'sql', 'trail', 'wire'] as const),
    ],
    types: [],
  },
  main: { values: ['cli'], types: [] },
} as const satisfies Record<Room, RoomRule>

/** Of these rooms a room that is named here sees one file alone. */
export const only_files: Readonly<Partial<Record<Room, Readonly<Partial<Record<Room, string>>>>>> =
  { auditor: { proxy: 'src/proxy/tap.ts' } }

/** Rooms without sockets, files, threads and clocks, so that tests and fuzzing run the same code. */
export const pure_rooms: ReadonlySet<Room> = new Set([
  'wire',
  'session',
  'sql',
  'catalog',
  'rules',
  'record',
  'auditor',
])

/** Doors of pure rooms to the world outside. */
export const impure_files: ReadonlySet<string> = new Set([
  'src/sql/parser-door.ts',
  'src/sql/parser-lane.ts',
  'src/sql/parser-thread.ts',
  'src/sql/parser-worker.ts',
  'src/sql/analyse-now.ts',
  'src/catalog/side-connection.ts',
  'src/catalog/refresher.ts',
  'src/catalog/catalog-source.ts',
  'src/catalog/database-catalog.ts',
])

/** Modules that a pure file does not import. */
export const impure_modules =
  /^(node:)?(net|tls|https?|http2|dns|dgram|fs|timers|worker_threads|child_process|cluster)(\/|$)|^pg$/

/** Calls that a pure file does not make: they read a clock or start a timer. */
export const impure_calls: readonly string[] = [
  'Date.now',
  'performance.now',
  'process.hrtime',
  'setTimeout',
  'setInterval',
  'setImmediate',
]

/** Where a process or a run by hand begins; workers are found by `builtFile('…')`. */
export const entries: readonly string[] = ['src/main.ts', 'src/config/generate.ts']

export const function_lines_max = 80
export const file_lines_max = 400
export const line_length_max = 110

/** Files that are a table and little else may be longer, and so may their lines. */
export const data_files: ReadonlySet<string> = new Set([
  'src/config/schema.ts',
  'src/sql/catalog-functions.ts',
  'src/sql/secret-names.ts',
])

/** Declarations for packages without types of their own follow those packages. */
export const foreign_declarations: ReadonlySet<string> = new Set(['src/ops/pino-roll.d.ts'])

/** Marks of unfinished work; put together here so that this file holds none itself. */
export const leftover_marks: readonly string[] = [
  ['TO', 'DO'],
  ['FIX', 'ME'],
  ['XX', 'X'],
].map((parts) => parts.join(''))

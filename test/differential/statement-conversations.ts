import {
  ask,
  bind,
  closePortal,
  closeStatement,
  copyData,
  copyDone,
  copyFail,
  describePortal,
  describeStatement,
  execute,
  flush,
  functionCall,
  parse,
  query,
  sync,
} from '../support/messages.js'
import type { Conversation } from './login-conversations.js'
import type { Talk } from './talk.js'

/** A conversation of logged-in exchanges, each waiting for its ReadyForQuery, then Terminate. */
function exchanges(name: string, ...parts: readonly (readonly Buffer[])[]): Conversation {
  return {
    name,
    async run(talk) {
      await talk.login()
      // Query, FunctionCall and Sync are answered by one ReadyForQuery each, unless something fails.
      for (const part of parts) await talk.exchange(part)
      await talk.finish()
    },
  }
}

/** Everything in one packet behind the login, Terminate included; the end is awaited. */
function atOnce(name: string, ...parts: readonly Buffer[]): Conversation {
  return {
    name: `${name}, all at once`,
    async run(talk) {
      await talk.login()
      talk.send(...parts)
      await talk.finish()
    },
  }
}

function queries(name: string, ...texts: readonly string[]): Conversation[] {
  return [
    exchanges(name, ...texts.map((text) => [query(text)])),
    atOnce(name, ...texts.map((text) => query(text))),
  ]
}

/** The same as one exchange and in one packet with the end. */
function both(name: string, ...parts: readonly Buffer[]): Conversation[] {
  return [exchanges(name, [...parts, sync()]), atOnce(name, ...parts, sync())]
}

const int4 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

const simple: readonly Conversation[] = [
  ...queries('one statement', "SELECT 1 AS one, 'two' AS two, NULL AS three"),
  ...queries('several statements', 'SELECT 1; INSERT INTO item VALUES (7); TABLE item; ;'),
  ...queries('nothing', '', ';', ' ;; -- nothing', '/* nothing */'),
  ...queries(
    'an error in the middle',
    'INSERT INTO item VALUES (8); SELECT 1/0; SELECT 3',
    'TABLE item',
  ),
  ...queries('syntax errors', 'SELEC 1', 'SELECT 1; SELEC 2', "SELECT 'open", 'SELECT $1'),
  ...queries(
    'errors with position, detail, hint',
    'SELECT nothing',
    'SELECT lenght(1)',
    'TABLE itm',
  ),
  ...queries('a transaction', 'BEGIN', 'INSERT INTO item VALUES (9)', 'COMMIT', 'TABLE item'),
  ...queries('a failed transaction', 'BEGIN', 'SELECT 1/0', 'SELECT 1', 'COMMIT', 'SELECT 1'),
  ...queries('savepoints', 'BEGIN; SAVEPOINT s', 'SELECT 1/0', 'ROLLBACK TO s', 'SELECT 1; END'),
  ...queries(
    'warnings',
    'COMMIT',
    'ROLLBACK',
    'BEGIN; BEGIN',
    'ROLLBACK',
    'SET LOCAL work_mem = 64',
  ),
  ...queries(
    'notices',
    'SELECT notices(3)',
    'DROP TABLE IF EXISTS nowhere',
    'DO $$BEGIN RAISE INFO $a$x$a$; END$$',
  ),
  ...queries(
    'settings that are reported',
    "SET application_name = 'x'",
    "SET TIME ZONE 'Asia/Tokyo'",
    'SET client_encoding = latin1; SELECT chr(233)',
    'BEGIN; SET datestyle = german; ROLLBACK',
    'RESET ALL',
  ),
  ...queries(
    'notifications',
    'LISTEN a; LISTEN "B"',
    "NOTIFY a, 'payload'",
    'BEGIN; NOTIFY "B"; NOTIFY a',
    'COMMIT',
    'UNLISTEN *',
    'NOTIFY a',
  ),
  ...queries(
    'prepared statements',
    'PREPARE p (int) AS SELECT $1 + 1',
    'EXECUTE p (1)',
    'EXECUTE p',
    'DEALLOCATE p',
    'EXECUTE p (1)',
  ),
  ...queries(
    'cursors',
    'DECLARE c CURSOR WITH HOLD FOR SELECT * FROM generate_series(1, 9)',
    'FETCH 2 FROM c; MOVE 3 IN c; FETCH ALL FROM c',
    'CLOSE c',
    'FETCH c',
  ),
  ...queries(
    'definitions',
    'CREATE TABLE made (n int, t text)',
    'INSERT INTO made VALUES (1, $$a$$) RETURNING *',
    'SELECT * FROM made',
    'ALTER TABLE made ADD c json',
    'DROP TABLE made',
  ),
  ...queries(
    'plans',
    'EXPLAIN (COSTS off) SELECT * FROM item',
    'EXPLAIN (FORMAT json, COSTS off) SELECT 1',
  ),
  ...queries(
    'a deferred constraint',
    'INSERT INTO deferred VALUES (1), (1)',
    'BEGIN; INSERT INTO deferred VALUES (1), (1)',
    'COMMIT',
  ),
  ...queries(
    'large rows',
    "SELECT repeat('x', 10000000) AS large",
    "SELECT repeat('y', 100000) FROM generate_series(1, 50)",
  ),
  ...queries('many rows', 'SELECT n, n::text, random() < 2 FROM generate_series(1, 20000) AS n'),
  ...queries('text that is no UTF-8', "SELECT '\u0001\u007f\u00e9\u{1f512}'"),
  exchanges('bytes that are no UTF-8', [query(Buffer.from("SELECT '\xff'", 'latin1'))]),
  exchanges('a text of 3 MB', [query(`SELECT length('${'z'.repeat(3_000_000)}')`)]),
  ...queries('a session that ends itself', 'SELECT pg_terminate_backend(pg_backend_pid())'),
  ...queries(
    'statement_timeout',
    "SET statement_timeout = '10ms'",
    'SELECT pg_sleep(10)',
    'SELECT 1',
  ),
]

const extended: readonly Conversation[] = [
  ...both('ask', ask('SELECT $1::int + 1', ['41'])),
  ...both(
    'binary results and values',
    parse('', 'SELECT $1, $2', [23, 25]),
    bind('', '', [int4(7), null], [1, 0]),
    describePortal(''),
    execute(),
  ),
  ...both(
    'Describe of both',
    parse('s', 'SELECT $1::int AS n, $2::text AS t'),
    describeStatement('s'),
    bind('p', 's', ['1', 'x']),
    describePortal('p'),
    execute('p'),
  ),
  ...both(
    'Describe of what gives no rows',
    parse('s', 'INSERT INTO item VALUES ($1)'),
    describeStatement('s'),
    bind('', 's', ['5']),
    describePortal(''),
    execute(),
  ),
  ...both('Describe of what is missing', describeStatement('missing')),
  ...both('Describe of a portal that is missing', describePortal('missing')),
  ...both(
    'suspended portals',
    parse('', 'SELECT generate_series(1, 5)'),
    bind('', ''),
    execute('', 2),
    execute('', 2),
    execute('', 2),
    execute('', 2),
  ),
  ...both(
    'a row limit of what writes',
    parse('', 'INSERT INTO item SELECT generate_series(20, 24) RETURNING n'),
    bind('', ''),
    execute('', 2),
    execute(''),
    execute(''),
  ),
  ...both('the empty query', ask('')),
  ...both(
    'the empty query, described',
    parse('', ' -- '),
    describeStatement(''),
    bind('', ''),
    describePortal(''),
    execute(''),
  ),
  ...both('several statements in Parse', ask('SELECT 1; SELECT 2')),
  ...both('a failed Parse', ask('SELEC 1'), ask('SELECT 2')),
  ...both('a failed Bind', ask('SELECT $1::int', ['x']), ask('SELECT 2')),
  ...both('Bind with too few values', parse('', 'SELECT $1::int'), bind('', ''), execute()),
  ...both('Bind of what is missing', bind('', 'missing'), execute()),
  ...both(
    'Bind with odd formats',
    parse('', 'SELECT $1::int'),
    bind('', '', ['1'], [7]),
    execute(),
  ),
  ...both('a value that is no UTF-8', ask('SELECT $1::text', [Buffer.from([0xff])])),
  ...both('a failed Execute', ask('SELECT 1/$1::int', ['0']), ask('SELECT 2')),
  ...both('Execute of what is missing', execute('missing')),
  ...both('named again', parse('s', 'SELECT 1'), parse('s', 'SELECT 2')),
  ...both('unnamed again', parse('', 'SELECT 1'), parse('', 'SELECT 2'), bind('', ''), execute()),
  ...both('a portal named again', parse('', 'SELECT 1'), bind('p', ''), bind('p', '')),
  ...both(
    'Close',
    parse('s', 'SELECT 1'),
    bind('p', 's'),
    closePortal('p'),
    closeStatement('s'),
    closeStatement('missing'),
    closePortal('missing'),
    execute('p'),
  ),
  ...both('Flush', parse('', 'SELECT 1'), flush(), bind('', ''), flush(), execute(), flush()),
  ...both(
    'COMMIT in a pipeline',
    ask('BEGIN'),
    ask('INSERT INTO item VALUES (50)'),
    ask('COMMIT'),
    ask('TABLE item'),
  ),
  ...both('a transaction left open', ask('BEGIN')),
  ...both('a deferred constraint', ask('INSERT INTO deferred VALUES (3), (3)')),
  ...both('what needs no transaction', ask('VACUUM item')),
  ...both('what needs no transaction, behind another', ask('SELECT 1'), ask('VACUUM item')),
  ...both(
    'names that agree in 63 bytes',
    parse(`${'n'.repeat(63)}1`, 'SELECT 1'),
    bind('', `${'n'.repeat(63)}2`),
    execute(),
  ),
  ...both(
    'names with odd bytes',
    parse(Buffer.from([0xff, 0x27]), 'SELECT 1'),
    bind(Buffer.from([1]), Buffer.from([0xff, 0x27])),
    execute(Buffer.from([1])),
  ),
  ...both(
    'types of parameters',
    parse('s', 'SELECT $1, $2, $3', [23, 0, 1184]),
    describeStatement('s'),
  ),
  ...both(
    'many values',
    parse('', `SELECT ${Array.from({ length: 300 }, (_, n) => `$${n + 1}::int`).join('+')}`),
    bind(
      '',
      '',
      Array.from({ length: 300 }, () => '1'),
    ),
    execute(),
  ),
  ...both('a large value', ask('SELECT length($1::text)', ['v'.repeat(2_000_000)])),
  exchanges(
    'several Syncs',
    [ask('SELECT 1'), sync()],
    [sync()],
    [ask('SELECT 1/0'), sync()],
    [ask('SELECT 2'), sync()],
  ),
  atOnce(
    'several Syncs and errors',
    ask('SELECT 1'),
    sync(),
    ask('SELECT 1/0'),
    ask('SELECT 3'),
    sync(),
    sync(),
    query('SELECT 4'),
    ask('SELECT 5'),
    sync(),
  ),
  atOnce(
    'Query among extended messages',
    parse('s', 'SELECT 1'),
    query('SELECT 2'),
    bind('', 's'),
    execute(),
    sync(),
  ),
  atOnce(
    'Query after an error before Sync',
    ask('SELECT 1/0'),
    query('SELECT 2'),
    functionCall(1598),
    sync(),
    query('SELECT 3'),
  ),
  atOnce('no Sync at the end', ask('INSERT INTO item VALUES (60)')),
  exchanges(
    'portals across Sync',
    [query('BEGIN')],
    [parse('', 'SELECT generate_series(1, 5)'), bind('p', ''), execute('p', 2), sync()],
    [execute('p', 2), sync()],
    [query('FETCH ALL FROM p')],
    [query('COMMIT')],
    [execute('p'), sync()],
  ),
  exchanges(
    'cursors by Execute',
    [query('BEGIN; DECLARE c CURSOR FOR SELECT generate_series(1, 3)')],
    [describePortal('c'), execute('c', 2), sync()],
    [query('ROLLBACK')],
  ),
  exchanges(
    'DEALLOCATE and DISCARD of what was parsed',
    [parse('s', 'SELECT 1'), sync()],
    [query('DEALLOCATE s')],
    [bind('', 's'), sync()],
    [parse('s', 'SELECT 1'), sync()],
    [query('DISCARD ALL')],
    [bind('', 's'), sync()],
  ),
  exchanges(
    'a plan that changes its type',
    [query('CREATE TABLE changing (a int)')],
    [parse('s', 'SELECT * FROM changing'), bind('', 's'), execute(), sync()],
    [query('ALTER TABLE changing ADD b int')],
    [bind('', 's'), execute(), sync()],
    [query('DROP TABLE changing')],
  ),
]

const copies: readonly Conversation[] = [
  ...queries(
    'COPY out',
    'COPY item TO STDOUT',
    'COPY (SELECT * FROM generate_series(1, 30000)) TO STDOUT (FORMAT binary)',
    'COPY nowhere TO STDOUT',
    'COPY (SELECT 1/0) TO STDOUT',
  ),
  ...copyIn('COPY in', copyData('100\n101\n'), copyData('102\n'), copyDone()),
  ...copyIn(
    'COPY in, cut anywhere',
    copyData('10'),
    copyData('3\n1'),
    copyData(''),
    copyData('04'),
    copyDone(),
  ),
  ...copyIn('COPY in with the old end', copyData('105\n\\.\n'), copyDone()),
  ...copyIn('COPY in that the client fails', copyData('106\n'), copyFail('no more')),
  ...copyIn('COPY in with a bad line', copyData('107\nbad\n'), copyData('108\n'), copyDone()),
  ...copyIn(
    'COPY in with Sync and Flush among the data',
    copyData('109\n'),
    sync(),
    flush(),
    copyData('110\n'),
    copyDone(),
  ),
  abandoned('COPY in left by a Query', copyData('111\n'), query('SELECT 1')),
  abandoned('COPY in left by a Parse', copyData('112\n'), parse('', 'SELECT 1')),
  abandoned('COPY in left by Terminate', copyData('113\n')),
  exchanges(
    'COPY in by the extended protocol',
    [ask('COPY item FROM STDIN'), copyData('114\n'), copyDone(), sync()],
    [ask('TABLE item'), sync()],
  ),
  exchanges(
    'COPY out by the extended protocol',
    [ask('COPY item TO STDOUT'), sync()],
    [ask('COPY nowhere TO STDOUT'), sync()],
  ),
  atOnce(
    'COPY in with Sync before the data',
    ask('COPY item FROM STDIN'),
    sync(),
    copyData('115\n'),
    copyDone(),
    sync(),
  ),
  atOnce(
    'COPY data where nothing is copied',
    copyData('1\n'),
    copyDone(),
    copyFail('x'),
    query('SELECT 1'),
  ),
  exchanges('COPY in among other statements', [
    query('SELECT 1; COPY item FROM STDIN; SELECT 2'),
    copyData('116\n'),
    copyDone(),
  ]),
  exchanges('two COPYs in one Query', [
    query('COPY item FROM STDIN; COPY item FROM STDIN'),
    copyData('117\n'),
    copyDone(),
    copyData('118\n'),
    copyDone(),
  ]),
]

/** COPY FROM STDIN of a Query: what is sent stands behind it, at once or after its answer. */
function copyIn(name: string, ...parts: readonly Buffer[]): Conversation[] {
  return [
    exchanges(name, [query('COPY item FROM STDIN'), ...parts], [query('TABLE item')]),
    {
      name: `${name}, step by step`,
      async run(talk) {
        await talk.login()
        talk.send(query('COPY item FROM STDIN'))
        await talk.until(/G/)
        for (const part of parts) {
          talk.send(part)
          await new Promise((resolve) => setImmediate(resolve))
        }
        await talk.ready()
        await talk.exchange([query('TABLE item')])
        await talk.finish()
      },
    },
  ]
}

/** Ends by what the server says to it. */
function abandoned(name: string, ...parts: readonly Buffer[]): Conversation {
  return {
    name,
    async run(talk: Talk) {
      await talk.login()
      talk.send(query('COPY item FROM STDIN'))
      await talk.until(/G/)
      talk.send(...parts)
      await talk.finish()
    },
  }
}

const others: readonly Conversation[] = [
  exchanges(
    'FunctionCall',
    [functionCall(1317, ['four'])],
    [functionCall(999_999)],
    [functionCall(1317, [])],
    [functionCall(1317, [null])],
    [query('BEGIN')],
    [functionCall(870, ['X'])],
    [functionCall(1317, ['x'])],
    [query('COMMIT')],
  ),
  atOnce(
    'FunctionCall',
    functionCall(1317, ['four']),
    functionCall(999_999),
    functionCall(1317, ['x']),
  ),
  {
    name: 'half-close behind a statement',
    async run(talk) {
      await talk.login()
      talk.send(query('SELECT 1, pg_sleep(0.05)'))
      talk.raw.socket.end()
      await talk.closed()
    },
  },
  {
    name: 'half-close behind half a statement',
    async run(talk) {
      await talk.login()
      talk.send(query('SELECT 1'), query('SELECT 2').subarray(0, 9))
      talk.raw.socket.end()
      await talk.closed()
    },
  },
  {
    name: 'half-close in COPY',
    async run(talk) {
      await talk.login()
      talk.send(query('COPY item FROM STDIN'), copyData('120\n'))
      talk.raw.socket.end()
      await talk.closed()
    },
  },
  {
    name: 'statements one by one within a pipeline',
    async run(talk) {
      await talk.login()
      talk.send(parse('', 'SELECT 1'), flush())
      await talk.until(/1$/)
      talk.send(bind('', ''), describePortal(''), flush())
      await talk.until(/2T$/)
      talk.send(execute(), flush())
      await talk.until(/DC$/)
      await talk.exchange([sync()])
      await talk.finish()
    },
  },
]

export const statement_conversations: readonly Conversation[] = [
  ...simple,
  ...extended,
  ...copies,
  ...others,
]

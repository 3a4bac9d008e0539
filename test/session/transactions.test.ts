import { describe, expect, it } from 'vitest'
import { client, closed, Dialogue, expectReports, server } from '../support/dialogue.js'
import {
  ask,
  bind,
  bindComplete,
  complete,
  copyInResponse,
  done,
  execute,
  failure,
  functionCall,
  parse,
  parseComplete,
  query,
  ready,
  sync,
  terminate,
  warning,
} from '../support/messages.js'

const insert = query('INSERT INTO a VALUES (1)')

describe('transactions', () => {
  it('count, implicit ones too', async () => {
    await expectReports(
      [
        client(insert, query('BEGIN'), insert, query('COMMIT'), insert),
        server(complete('INSERT 0 1'), ready(), complete('BEGIN'), ready('T')),
        server(complete('INSERT 0 1'), ready('T'), complete('COMMIT'), ready()),
        server(complete('INSERT 0 1'), ready()),
      ],
      `1 1 simple success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/idle
       2 2 simple success BEGIN - 0 "BEGIN" tx 2/idle
       3 3 simple success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 2/open
       4 4 simple success COMMIT - 0 "COMMIT" tx 2/open
       5 5 simple success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 3/idle`,
    )
  })

  it('whose COMMIT is answered ROLLBACK have failed', async () => {
    await expectReports(
      [
        client(query('BEGIN'), insert, query('SELECT boom'), query('COMMIT'), query('SELECT 1')),
        server(complete('BEGIN'), ready('T'), complete('INSERT 0 1'), ready('T')),
        server(failure('42703'), ready('E'), complete('ROLLBACK'), ready()),
        server(complete('SELECT 1'), ready()),
      ],
      `1 1 simple success BEGIN - 0 "BEGIN" tx 1/idle
       2 2 simple success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/open
       3 3 simple failure - 42703 0 "SELECT boom" tx 1/open
       4 4 simple failure ROLLBACK - 0 "COMMIT" tx 1/failed
       transaction end: rolled back, COMMIT answered ROLLBACK, 42703, tx 1/failed, 2 recorded
       5 5 simple success SELECT 1 - 1 "SELECT 1" tx 2/idle`,
    )
  })

  it('end without a further word by ROLLBACK', async () => {
    await expectReports(
      [
        client(query('BEGIN; INSERT INTO a VALUES (1); ROLLBACK; SELECT 1')),
        server(complete('BEGIN'), complete('INSERT 0 1'), complete('ROLLBACK')),
        server(complete('SELECT 1'), ready()),
      ],
      `1 1 simple success BEGIN - 0 "BEGIN" tx 1/idle
       2 2 simple success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/open
       3 3 simple success ROLLBACK - 0 "ROLLBACK" tx 1/open
       4 4 simple success SELECT 1 - 1 "SELECT 1" tx 2/idle`,
    )
  })

  it('chain', async () => {
    await expectReports(
      [
        client(query('BEGIN'), query('COMMIT AND CHAIN'), query('ROLLBACK AND CHAIN')),
        client(query('SELECT boom'), query('COMMIT AND CHAIN'), query('SELECT 1')),
        server(complete('BEGIN'), ready('T'), complete('COMMIT'), ready('T')),
        server(complete('ROLLBACK'), ready('T'), failure('42703'), ready('E')),
        server(complete('ROLLBACK'), ready('T'), complete('SELECT 1'), ready('T')),
      ],
      `1 1 simple success BEGIN - 0 "BEGIN" tx 1/idle
       2 2 simple success COMMIT - 0 "COMMIT AND CHAIN" tx 1/open
       3 3 simple success ROLLBACK - 0 "ROLLBACK AND CHAIN" tx 2/open
       4 4 simple failure - 42703 0 "SELECT boom" tx 3/open
       5 5 simple failure ROLLBACK - 0 "COMMIT AND CHAIN" tx 3/failed
       6 6 simple success SELECT 1 - 1 "SELECT 1" tx 4/open`,
    )
  })

  it('come back to life at ROLLBACK TO', async () => {
    await expectReports(
      [
        client(query('BEGIN'), query('SAVEPOINT s'), query('SELECT boom'), query('ROLLBACK TO s')),
        client(query('COMMIT')),
        server(complete('BEGIN'), ready('T'), complete('SAVEPOINT'), ready('T')),
        server(failure('42703'), ready('E'), complete('ROLLBACK'), ready('T')),
        server(complete('COMMIT'), ready()),
      ],
      `1 1 simple success BEGIN - 0 "BEGIN" tx 1/idle
       2 2 simple success SAVEPOINT - 0 "SAVEPOINT s" tx 1/open
       3 3 simple failure - 42703 0 "SELECT boom" tx 1/open
       4 4 simple success ROLLBACK - 0 "ROLLBACK TO s" tx 1/failed
       5 5 simple success COMMIT - 0 "COMMIT" tx 1/open`,
    )
  })

  it('fail at Sync by a deferred constraint, which belongs to no statement (corner 17)', async () => {
    await expectReports(
      [
        client(ask('INSERT INTO a VALUES (1)'), sync(), query('SELECT 1')),
        server(done('INSERT 0 1'), failure('23503'), ready(), complete('SELECT 1'), ready()),
      ],
      `1 1 extended success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/idle
       2 2 extended/Sync failure - 23503 0 "" tx 1/idle
       transaction end: rolled back, error in the same transaction, 23503, tx 1/idle, 1 recorded
       3 3 simple success SELECT 1 - 1 "SELECT 1" tx 2/idle`,
    )
  })

  it('fail at their COMMIT by a deferred constraint', async () => {
    await expectReports(
      [
        client(query('BEGIN'), insert, query('COMMIT'), query('SELECT 1')),
        server(complete('BEGIN'), ready('T'), complete('INSERT 0 1'), ready('T')),
        server(failure('23503'), ready(), complete('SELECT 1'), ready()),
      ],
      `1 1 simple success BEGIN - 0 "BEGIN" tx 1/idle
       2 2 simple success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/open
       3 3 simple failure - 23503 0 "COMMIT" tx 1/open
       transaction end: rolled back, error in the same transaction, 23503, tx 1/failed, 2 recorded
       4 4 simple success SELECT 1 - 1 "SELECT 1" tx 2/idle`,
    )
  })

  it('that end by what we cannot read are told with an unknown fate', async () => {
    await expectReports(
      [
        client(query('BEGIN'), insert, query('COMMYT')),
        server(complete('BEGIN'), ready('T'), complete('INSERT 0 1'), ready('T')),
        server(complete('COMMIT'), ready()),
      ],
      `1 1 simple success BEGIN - 0 "BEGIN" tx 1/idle
       2 2 simple success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/open
       3 3 simple success COMMIT - 0 "COMMYT" tx 1/open
       transaction end: unknown, ended by a statement that was not understood, -, tx 1/open, 3 recorded`,
    )
  })

  it('that begin by what we cannot read are known from ReadyForQuery', async () => {
    await expectReports(
      [
        client(query('BEGYN'), insert, query('COMMIT')),
        server(complete('BEGIN'), ready('T'), complete('INSERT 0 1'), ready('T')),
        server(complete('COMMIT'), ready()),
      ],
      `1 1 simple success BEGIN - 0 "BEGYN" tx 1/idle
       2 2 simple success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/open
       3 3 simple success COMMIT - 0 "COMMIT" tx 1/open`,
    )
  })

  it('drive the catalog', async () => {
    const dialogue = await new Dialogue().playAll([
      client(query('BEGIN'), query('CREATE TABLE a ()'), query('SAVEPOINT s')),
      client(query('DROP TABLE a'), query('ROLLBACK TO s'), query('RELEASE s'), query('COMMIT')),
      client(query("PREPARE TRANSACTION 'x'"), query("COMMIT PREPARED 'x'"), query('DISCARD TEMP')),
      server(complete('BEGIN'), ready('T'), complete('CREATE TABLE'), ready('T')),
      server(complete('SAVEPOINT'), ready('T'), complete('DROP TABLE'), ready('T')),
      server(complete('ROLLBACK'), ready('T'), complete('RELEASE'), ready('T')),
      server(complete('COMMIT'), ready(), complete('PREPARE TRANSACTION'), ready()),
      server(complete('COMMIT PREPARED'), ready(), complete('DISCARD TEMP'), ready()),
    ])
    expect(dialogue.names.calls).toEqual([
      'apply create',
      'savepoint s',
      'apply drop',
      'rollback to s',
      'release s',
      'commit',
      'prepare x',
      'commit prepared x',
      'commit',
      'discard temporary',
      'commit',
    ])
  })
})

describe('a connection that ends', () => {
  it('with an open transaction undoes it', async () => {
    await expectReports(
      [
        client(query('BEGIN'), insert),
        server(complete('BEGIN'), ready('T'), complete('INSERT 0 1'), ready('T')),
        client(terminate()),
        closed,
      ],
      `1 1 simple success BEGIN - 0 "BEGIN" tx 1/idle
       2 2 simple success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/open
       transaction end: rolled back, connection ended, -, tx 1/open, 2 recorded`,
    )
  })

  it('while a COMMIT is on its way leaves its fate unknown', async () => {
    await expectReports(
      [
        client(query('BEGIN'), insert),
        server(complete('BEGIN'), ready('T'), complete('INSERT 0 1'), ready('T')),
        client(query('COMMIT')),
        closed,
      ],
      `1 1 simple success BEGIN - 0 "BEGIN" tx 1/idle
       2 2 simple success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/open
       3 3 simple unknown - - 0 "COMMIT" tx 1/open
       transaction end: unknown, connection ended, -, tx 1/open, 2 recorded`,
    )
  })

  it('before the Sync undoes what had been answered (corner 7)', async () => {
    await expectReports(
      [
        client(ask('INSERT INTO a VALUES (1)')),
        server(done('INSERT 0 1')),
        client(terminate()),
        closed,
      ],
      `1 1 extended success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/idle
       transaction end: rolled back, connection ended, -, tx 1/idle, 1 recorded`,
    )
  })

  it('after the Sync leaves the fate unknown', async () => {
    await expectReports(
      [client(ask('INSERT INTO a VALUES (1)'), sync()), server(done('INSERT 0 1')), closed],
      `1 1 extended success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/idle
       transaction end: unknown, connection ended, -, tx 1/idle, 1 recorded`,
    )
  })

  it('in the middle of a Query leaves unknown what was not answered', async () => {
    await expectReports(
      [
        client(query('INSERT INTO a VALUES (1); DELETE FROM b'), query('SELECT 3')),
        server(complete('INSERT 0 1')),
        closed,
      ],
      `1 1 simple success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/idle
       2 2 simple unknown - - 0 "DELETE FROM b" tx 1/idle
       3 3 simple unknown - - 0 "SELECT 3" tx 1/idle
       transaction end: unknown, connection ended, -, tx 1/idle, 1 recorded`,
    )
  })

  it('by FATAL in the middle of a Query runs nothing more', async () => {
    await expectReports(
      [
        client(
          query('INSERT INTO a VALUES (1); SELECT pg_sleep(9); DELETE FROM b'),
          query('SELECT 4'),
        ),
        server(complete('INSERT 0 1'), failure('57P01', 'terminating connection', 'FATAL')),
        closed,
      ],
      `1 1 simple success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/idle
       2 2 simple failure - 57P01 0 "SELECT pg_sleep(9)" tx 1/idle
       3 3 simple skipped - - 0 "DELETE FROM b" tx 1/idle
       4 4 simple skipped - - 0 "SELECT 4" tx 1/idle
       transaction end: rolled back, connection ended, 57P01, tx 1/idle, 1 recorded`,
    )
  })

  it('by FATAL in the middle of a pipeline too', async () => {
    await expectReports(
      [
        client(ask('INSERT INTO a VALUES (1)'), ask('SELECT pg_sleep(9)'), ask('SELECT 3'), sync()),
        client(ask('SELECT 4'), sync()),
        server(done('INSERT 0 1'), parseComplete(), bindComplete()),
        server(failure('57P01', 'terminating connection', 'FATAL')),
        closed,
      ],
      `1 1 extended success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/idle
       2 2 extended failure - 57P01 0 "SELECT pg_sleep(9)" tx 1/idle
       3 3 extended skipped - - 0 "SELECT 3" tx 1/idle
       4 4 extended skipped - - 0 "SELECT 4" tx 1/idle
       transaction end: rolled back, connection ended, 57P01, tx 1/idle, 1 recorded`,
    )
  })

  it('by FATAL at the Sync may have committed', async () => {
    await expectReports(
      [
        client(ask('INSERT INTO a VALUES (1)'), sync()),
        server(done('INSERT 0 1'), failure('57P01', 'terminating connection', 'FATAL')),
        closed,
      ],
      `1 1 extended success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/idle
       2 2 extended/Sync unknown - 57P01 0 "" tx 1/idle
       transaction end: unknown, connection ended, 57P01, tx 1/idle, 1 recorded`,
    )
  })

  it('by FATAL while nothing is asked leaves nothing of its own', async () => {
    await expectReports([server(failure('57P01', 'terminating connection', 'FATAL')), closed], '')
  })

  it('with a pipeline on its way tells what it was, once', async () => {
    await expectReports(
      [
        client(
          ask('DELETE FROM a', ['1']),
          parse('s', 'SELECT 2'),
          bind('p', 's'),
          parse('t', 'SELECT 3'),
        ),
        client(execute('nosuch'), sync()),
        closed,
      ],
      `1 1 extended unknown - - 0 "DELETE FROM a" tx 1/idle
       2 2 extended unknown - - 0 "" tx 1/idle
       3 3 extended/Bind unknown - - 0 "SELECT 2" tx 1/idle
       4 4 extended/Parse unknown - - 0 "SELECT 3" tx 1/idle`,
    )
  })

  it('records what was prepared and never ran', async () => {
    await expectReports(
      [
        client(parse('s', 'SELECT 1'), parse('', 'SELECT 2'), bind('', ''), sync()),
        server(parseComplete(), parseComplete(), bindComplete(), ready()),
        closed,
      ],
      `1 1 extended prepared - - 0 "SELECT 2" tx 0/idle
       2 2 extended prepared - - 0 "SELECT 1" tx 0/idle`,
    )
  })

  it('is over for the client at Terminate, whatever it sends after', async () => {
    await expectReports(
      [
        client(query('SELECT 1'), terminate(), query('DROP DATABASE shop')),
        server(complete('SELECT 1'), ready()),
        closed,
      ],
      '1 1 simple success SELECT 1 - 1 "SELECT 1" tx 1/idle',
    )
  })
})

/** The end that PostgreSQL gives to a process that it is told to end. */
const terminated = failure('57P01', 'terminating connection', 'FATAL')
/** The same while it waits for a standby and has committed: a warning, and nothing more. */
const warned = warning('57P01', 'canceling the wait for synchronous replication')

describe('a session that is ended while it may be committing', () => {
  const begin = [client(query('BEGIN'), insert)]
  const begun = [server(complete('BEGIN'), ready('T'), complete('INSERT 0 1'), ready('T'))]

  it.each([
    ['by FATAL', [terminated], '57P01'],
    ['by PANIC', [failure('XX000', 'could not write to log file', 'PANIC')], 'XX000'],
    ['by an error that says so', [failure('08007', 'transaction resolution unknown')], '08007'],
    ['by a warning (corner 8)', [warned], '57P01'],
    ['without a word', [], '-'],
  ])('leaves a COMMIT unknown %s', async (_name, words, sqlstate) => {
    await expectReports(
      [...begin, ...begun, client(query('COMMIT'), query('SELECT 4')), server(...words), closed],
      `1 1 simple success BEGIN - 0 "BEGIN" tx 1/idle
       2 2 simple success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/open
       3 3 simple unknown - ${sqlstate} 0 "COMMIT" tx 1/open
       4 4 simple ${words.includes(terminated) || sqlstate === 'XX000' ? 'skipped' : 'unknown'} - - 0 "SELECT 4" tx 1/open
       transaction end: unknown, connection ended, ${sqlstate === '08007' ? '-' : sqlstate}, tx 1/open, 2 recorded`,
    )
  })

  it.each([
    ['INSERT INTO a VALUES (1)', 'unknown'],
    ['SELECT spy()', 'unknown'],
    ['CREATE TABLE b ()', 'unknown'],
    ["COMMIT PREPARED 'x'", 'unknown'],
    ['FROBNICATE', 'unknown'],
    ['SELECT * FROM a', 'failure'],
    ['SET search_path = a', 'failure'],
    ['ROLLBACK', 'failure'],
  ])('by FATAL: a Query of %s alone is %s', async (text, outcome) => {
    await expectReports(
      [client(query(text)), server(terminated), closed],
      `1 1 simple ${outcome} - 57P01 0 "${text}" tx 1/idle`,
    )
  })

  it('by FATAL knows that nothing inside a block, nor before the last statement, is committed', async () => {
    await expectReports(
      [...begin, ...begun, client(insert, query('COMMIT')), server(terminated), closed],
      `1 1 simple success BEGIN - 0 "BEGIN" tx 1/idle
       2 2 simple success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/open
       3 3 simple failure - 57P01 0 "INSERT INTO a VALUES (1)" tx 1/open
       4 4 simple skipped - - 0 "COMMIT" tx 1/failed
       transaction end: rolled back, connection ended, 57P01, tx 1/failed, 2 recorded`,
    )
    await expectReports(
      [
        ...begin,
        ...begun,
        client(functionCall(1), ask('SELECT 4'), sync()),
        server(terminated),
      ].concat(closed),
      `1 1 simple success BEGIN - 0 "BEGIN" tx 1/idle
       2 2 simple success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/open
       3 3 function/FunctionCall failure - 57P01 0 "" tx 1/open
       4 4 extended skipped - - 0 "SELECT 4" tx 1/failed
       transaction end: rolled back, connection ended, 57P01, tx 1/failed, 2 recorded`,
    )
  })

  it('by FATAL at the last statement of a Query leaves all of it in doubt', async () => {
    await expectReports(
      [
        client(query('INSERT INTO a VALUES (1); SELECT 2')),
        server(complete('INSERT 0 1'), terminated),
        closed,
      ],
      `1 1 simple success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/idle
       2 2 simple failure - 57P01 0 "SELECT 2" tx 1/idle
       transaction end: unknown, connection ended, 57P01, tx 1/idle, 1 recorded`,
    )
  })

  it('by FATAL behind the last answer of a Query does not call it undone', async () => {
    await expectReports(
      [client(insert), server(complete('INSERT 0 1'), terminated), closed],
      `1 1 simple success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/idle
       2 2 simple/Sync unknown - 57P01 0 "" tx 1/idle
       transaction end: unknown, connection ended, 57P01, tx 1/idle, 1 recorded`,
    )
  })

  it('by FATAL in an Execute has committed only what commits by itself', async () => {
    await expectReports(
      [client(ask('UPDATE a SET n = 1'), sync()), server(parseComplete(), bindComplete())].concat(
        server(terminated),
        closed,
      ),
      '1 1 extended failure - 57P01 0 "UPDATE a SET n = 1" tx 1/idle',
    )
    await expectReports(
      [
        client(ask('CALL p()'), sync()),
        server(parseComplete(), bindComplete(), terminated),
        closed,
      ],
      '1 1 extended unknown - 57P01 0 "CALL p()" tx 1/idle',
    )
    await expectReports(
      [client(functionCall(1), functionCall(2)), server(terminated), closed],
      `1 1 function/FunctionCall unknown - 57P01 0 "" tx 1/idle
       2 2 function/FunctionCall skipped - - 0 "" tx 1/idle`,
    )
  })

  it('may go on after an error that leaves the end of a transaction open', async () => {
    const open = failure('08007', 'transaction resolution unknown')
    const reason = 'ended by an error that leaves it open'
    await expectReports(
      [
        ...begin,
        ...begun,
        client(query('COMMIT'), ask('INSERT INTO a VALUES (1)'), sync(), query('SELECT 5')),
        server(open, ready(), done('INSERT 0 1'), open, ready(), complete('SELECT 1'), ready()),
      ],
      `1 1 simple success BEGIN - 0 "BEGIN" tx 1/idle
       2 2 simple success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/open
       3 3 simple unknown - 08007 0 "COMMIT" tx 1/open
       transaction end: unknown, ${reason}, -, tx 1/open, 2 recorded
       4 4 extended success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 2/idle
       5 5 extended/Sync unknown - 08007 0 "" tx 2/idle
       transaction end: unknown, ${reason}, -, tx 2/idle, 1 recorded
       6 6 simple success SELECT 1 - 1 "SELECT 5" tx 3/idle`,
    )
  })

  it('by an ERROR and then FATAL has failed by the ERROR', async () => {
    const broken = failure('08P01', 'unexpected message type 0x50 during COPY from stdin')
    const lost = failure('08P01', 'protocol synchronization was lost', 'FATAL')
    await expectReports(
      [
        client(query('COPY a FROM STDIN')),
        server(copyInResponse()),
        client(ask('DELETE FROM a'), sync()),
        server(broken, lost),
        closed,
      ],
      `1 1 simple failure - 08P01 0 "COPY a FROM STDIN" tx 1/idle
       2 2 extended skipped - - 0 "DELETE FROM a" tx 1/idle`,
    )
  })

  it('is not told by a warning that another answer followed', async () => {
    await expectReports(
      [
        ...begin,
        server(warned, complete('BEGIN'), ready('T'), complete('INSERT 0 1'), ready('T')),
        client(query('COMMIT')),
        closed,
      ],
      `1 1 simple success BEGIN - 0 "BEGIN" tx 1/idle
       2 2 simple success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/open
       3 3 simple unknown - - 0 "COMMIT" tx 1/open
       transaction end: unknown, connection ended, -, tx 1/open, 2 recorded`,
    )
  })
})

describe('the end of a transaction names its cause', () => {
  it('which is the first error of the block, not those that it brought about', async () => {
    const aborted = failure('25P02', 'current transaction is aborted')
    const failing = [
      client(query('BEGIN'), insert, query('SELECT boom'), query('SELECT 2'), query('SELECT 3')),
      server(complete('BEGIN'), ready('T'), complete('INSERT 0 1'), ready('T')),
      server(failure('42703'), ready('E'), aborted, ready('E'), aborted, ready('E')),
    ]
    const told = `1 1 simple success BEGIN - 0 "BEGIN" tx 1/idle
       2 2 simple success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/open
       3 3 simple failure - 42703 0 "SELECT boom" tx 1/open
       4 4 simple failure - 25P02 0 "SELECT 2" tx 1/failed
       5 5 simple failure - 25P02 0 "SELECT 3" tx 1/failed`
    await expectReports(
      [...failing, client(query('COMMIT')), server(complete('ROLLBACK'), ready())],
      `${told}
       6 6 simple failure ROLLBACK - 0 "COMMIT" tx 1/failed
       transaction end: rolled back, COMMIT answered ROLLBACK, 42703, tx 1/failed, 2 recorded`,
    )
    await expectReports(
      [...failing, server(terminated), closed],
      `${told}
       transaction end: rolled back, connection ended, 42703, tx 1/failed, 2 recorded`,
    )
  })

  it('and after ROLLBACK TO the first error behind it', async () => {
    await expectReports(
      [
        client(query('BEGIN; SAVEPOINT s'), query('SELECT boom'), query('ROLLBACK TO s')),
        client(query('SELECT 1/0'), query('COMMIT'), query('SELECT 2; SELECT nothing')),
        server(complete('BEGIN'), complete('SAVEPOINT'), ready('T'), failure('42703'), ready('E')),
        server(complete('ROLLBACK'), ready('T'), failure('22012'), ready('E')),
        server(complete('ROLLBACK'), ready(), complete('SELECT 1'), failure('42P01'), ready()),
      ],
      `1 1 simple success BEGIN - 0 "BEGIN" tx 1/idle
       2 2 simple success SAVEPOINT - 0 "SAVEPOINT s" tx 1/open
       3 3 simple failure - 42703 0 "SELECT boom" tx 1/open
       4 4 simple success ROLLBACK - 0 "ROLLBACK TO s" tx 1/failed
       5 5 simple failure - 22012 0 "SELECT 1/0" tx 1/open
       6 6 simple failure ROLLBACK - 0 "COMMIT" tx 1/failed
       transaction end: rolled back, COMMIT answered ROLLBACK, 22012, tx 1/failed, 3 recorded
       7 7 simple success SELECT 1 - 1 "SELECT 2" tx 2/idle
       8 8 simple failure - 42P01 0 "SELECT nothing" tx 2/idle
       transaction end: rolled back, error in the same transaction, 42P01, tx 2/idle, 1 recorded`,
    )
  })

  it('and FATAL where nothing had failed before', async () => {
    await expectReports(
      [
        client(query('BEGIN'), insert),
        server(complete('BEGIN'), ready('T'), complete('INSERT 0 1'), ready('T')),
        server(failure('25P03', 'terminating connection due to idle-in-transaction', 'FATAL')),
        closed,
      ],
      `1 1 simple success BEGIN - 0 "BEGIN" tx 1/idle
       2 2 simple success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/open
       transaction end: rolled back, connection ended, 25P03, tx 1/open, 2 recorded`,
    )
  })
})

describe('a session that is refused after AuthenticationOk (corner 10)', () => {
  it('has run nothing of what was sent ahead', async () => {
    await expectReports(
      [
        client(query('INSERT INTO a VALUES (1); SELECT 2'), parse('s', 'SELECT 3'), bind('', 's')),
        client(execute(), sync(), functionCall(1)),
        server(failure('3D000', 'database "shop" does not exist', 'FATAL')),
        closed,
      ],
      `1 1 simple skipped - - 0 "INSERT INTO a VALUES (1)" tx 1/idle
       2 2 simple skipped - - 0 "SELECT 2" tx 1/idle
       3 3 extended skipped - - 0 "SELECT 3" tx 1/idle
       4 4 function/FunctionCall skipped - - 0 "" tx 1/idle`,
      { login: 'not yet' },
    )
  })

  it('and one that is lost before it was ready may have', async () => {
    await expectReports(
      [client(insert), closed],
      '1 1 simple unknown - - 0 "INSERT INTO a VALUES (1)" tx 1/idle',
      { login: 'not yet' },
    )
  })
})

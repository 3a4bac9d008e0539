import { describe, expect, it } from 'vitest'
import { client, closed, Dialogue, expectReports, server } from '../support/dialogue.js'
import {
  ask,
  bind,
  bindComplete,
  complete,
  done,
  execute,
  failure,
  parse,
  parseComplete,
  query,
  ready,
  sync,
  terminate,
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
      'begin',
      'apply create',
      'begin',
      'savepoint s',
      'begin',
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
       transaction end: rolled back, connection ended, -, tx 1/idle, 1 recorded`,
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
       transaction end: rolled back, connection ended, -, tx 1/idle, 1 recorded`,
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
       2 2 extended/Sync failure - 57P01 0 "" tx 1/idle
       transaction end: unknown, connection ended, -, tx 1/idle, 1 recorded`,
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

import { describe, it } from 'vitest'
import { client, closed, expectReports, server } from '../support/dialogue.js'
import {
  ask,
  bindComplete,
  complete,
  done,
  failure,
  parseComplete,
  query,
  ready,
  sync,
} from '../support/messages.js'

const divided = failure('22012', 'division by zero')

describe('an error behind a statement that may have committed by itself', () => {
  it.each([
    ['CREATE DATABASE d', 'CREATE DATABASE'],
    ['VACUUM', 'VACUUM'],
    ['CALL p()', 'CALL'],
    ['CREATE INDEX CONCURRENTLY ON a (n)', 'CREATE INDEX'],
  ])('in a pipeline: %s', async (text, tag) => {
    await expectReports(
      [
        client(ask(text), ask('SELECT 1/0'), sync()),
        server(done(tag), parseComplete(), bindComplete(), divided, ready()),
      ],
      `1 1 extended success ${tag} - 0 "${text}" tx 1/idle
       2 2 extended failure - 22012 0 "SELECT 1/0" tx 1/idle
       transaction end: unknown, error behind a statement that may have committed by itself, 22012, tx 1/idle, 1 recorded`,
    )
  })

  it('undoes all of it in a block, and what commits nothing anywhere', async () => {
    await expectReports(
      [
        client(
          query('CALL p(); SELECT 1/0'),
          ask('CREATE INDEX ON a (n)'),
          ask('SELECT 1/0'),
          sync(),
        ),
        server(complete('CALL'), divided, ready()),
        server(done('CREATE INDEX'), parseComplete(), bindComplete(), divided, ready()),
      ],
      `1 1 simple success CALL - 0 "CALL p()" tx 1/idle
       2 2 simple failure - 22012 0 "SELECT 1/0" tx 1/idle
       transaction end: rolled back, error in the same transaction, 22012, tx 1/idle, 1 recorded
       3 3 extended success CREATE INDEX - 0 "CREATE INDEX ON a (n)" tx 2/idle
       4 4 extended failure - 22012 0 "SELECT 1/0" tx 2/idle
       transaction end: rolled back, error in the same transaction, 22012, tx 2/idle, 1 recorded`,
    )
  })

  it('may be that of the procedure itself, after its COMMIT', async () => {
    await expectReports(
      [
        client(ask('INSERT INTO a VALUES (1)'), ask('CALL p()'), sync()),
        server(done('INSERT 0 1'), parseComplete(), bindComplete(), divided, ready()),
      ],
      `1 1 extended success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/idle
       2 2 extended failure - 22012 0 "CALL p()" tx 1/idle
       transaction end: unknown, error behind a statement that may have committed by itself, 22012, tx 1/idle, 1 recorded`,
    )
  })

  it('is of another transaction behind a COMMIT', async () => {
    await expectReports(
      [
        client(ask('CALL p()'), ask('COMMIT'), ask('INSERT INTO a VALUES (1)'), sync()),
        server(done('CALL'), done('COMMIT'), done('INSERT 0 1'), failure('23503'), ready()),
      ],
      `1 1 extended success CALL - 0 "CALL p()" tx 1/idle
       2 2 extended success COMMIT - 0 "COMMIT" tx 1/idle
       3 3 extended success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 2/idle
       4 4 extended/Sync failure - 23503 0 "" tx 2/idle
       transaction end: rolled back, error in the same transaction, 23503, tx 2/idle, 1 recorded`,
    )
  })

  it('leaves the same doubt when the connection ends', async () => {
    await expectReports(
      [client(ask('CALL p()')), server(done('CALL')), closed],
      `1 1 extended success CALL - 0 "CALL p()" tx 1/idle
       transaction end: unknown, connection ended, -, tx 1/idle, 1 recorded`,
    )
  })
})

/** The last tag of a Query is sent when it has committed; then its duration is logged. */
describe('an error behind the last answer of a Query', () => {
  const cancelled = failure('57014', 'canceling statement due to user request')

  it('undoes nothing outside a block', async () => {
    await expectReports(
      [
        client(query('INSERT INTO a VALUES (1)')),
        server(complete('INSERT 0 1'), cancelled, ready()),
      ],
      `1 1 simple success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/idle
       2 2 simple/Sync cancelled - 57014 0 "" tx 2/idle`,
    )
  })

  it('may undo it in a pipeline, which is a block in PostgreSQL 18', async () => {
    await expectReports(
      [
        client(ask('INSERT INTO a VALUES (1)'), query('DELETE FROM b'), sync()),
        server(done('INSERT 0 1'), complete('DELETE 2'), cancelled, ready(), ready()),
      ],
      `1 1 extended success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/idle
       2 2 simple success DELETE 2 - 2 "DELETE FROM b" tx 1/idle
       3 3 simple/Sync cancelled - 57014 0 "" tx 1/idle
       transaction end: unknown, error behind a statement that may have committed by itself, 57014, tx 1/idle, 2 recorded`,
    )
  })

  it('fails the block that it stands in', async () => {
    await expectReports(
      [
        client(query('BEGIN; INSERT INTO a VALUES (1)'), query('COMMIT')),
        server(complete('BEGIN'), complete('INSERT 0 1'), cancelled, ready('E')),
        server(complete('ROLLBACK'), ready()),
      ],
      `1 1 simple success BEGIN - 0 "BEGIN" tx 1/idle
       2 2 simple success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/open
       3 3 simple/Sync cancelled - 57014 0 "" tx 1/open
       4 4 simple failure ROLLBACK - 0 "COMMIT" tx 1/failed
       transaction end: rolled back, COMMIT answered ROLLBACK, 57014, tx 1/failed, 2 recorded`,
    )
  })
})

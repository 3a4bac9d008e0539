import { describe, it } from 'vitest'
import { client, expectReports, server } from '../support/dialogue.js'
import {
  bind,
  bindComplete,
  closeComplete,
  closePortal,
  complete,
  done,
  execute,
  failure,
  parse,
  parseComplete,
  query,
  ready,
  setting,
  sync,
} from '../support/messages.js'

const long = 'n'.repeat(63)

describe('names of statements and portals', () => {
  it('keep a named statement whose second Parse failed (corner 1)', async () => {
    await expectReports(
      [
        client(parse('s', 'DELETE FROM a'), sync()),
        server(parseComplete(), ready()),
        client(parse('s', 'SELECT harmless'), sync(), bind('', 's'), execute(), sync()),
        server(failure('42P05', 'prepared statement "s" already exists'), ready()),
        server(bindComplete(), complete('DELETE 4'), ready()),
      ],
      `1 1 extended/Parse failure - 42P05 0 "SELECT harmless" tx 1/idle
       2 2 extended success DELETE 4 - 4 "DELETE FROM a" tx 2/idle`,
    )
  })

  it('drop the unnamed statement whose second Parse failed', async () => {
    await expectReports(
      [
        client(parse('', 'DELETE FROM a'), sync(), parse('', 'SELECT boom'), sync()),
        server(parseComplete(), ready(), failure('42703'), ready()),
        client(bind('', ''), execute(), sync()),
        server(failure('26000'), ready()),
      ],
      `1 1 extended prepared - - 0 "DELETE FROM a" tx 0/idle
       2 2 extended/Parse failure - 42703 0 "SELECT boom" tx 1/idle
       3 3 extended/Bind failure - 26000 0 "" tx 2/idle`,
    )
  })

  it('are compared by 63 bytes (corner 4)', async () => {
    await expectReports(
      [
        client(parse('', 'SELECT 1'), bind(`${long}B`, ''), closePortal(`${long}A`)),
        client(parse('', 'INSERT INTO a VALUES (1)'), bind(`${long}A`, ''), execute(`${long}B`)),
        client(sync()),
        server(parseComplete(), bindComplete(), closeComplete(), parseComplete(), bindComplete()),
        server(complete('INSERT 0 1'), ready()),
      ],
      `1 1 extended prepared - - 0 "SELECT 1" tx 0/idle
       2 2 extended success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/idle`,
    )
  })

  it('are counted in bytes, not in characters', async () => {
    // 21 characters of three bytes are 63 bytes.
    const euros = '€'.repeat(21)
    await expectReports(
      [
        client(parse(`${euros}a`, 'SELECT 1'), sync(), bind('', `${euros}b`), execute(), sync()),
        client(bind('', euros.slice(1)), execute(), sync()),
        server(parseComplete(), ready(), bindComplete(), complete('SELECT 1'), ready()),
        server(failure('26000'), ready()),
      ],
      `1 1 extended success SELECT 1 - 1 "SELECT 1" tx 1/idle
       2 2 extended/Bind failure - 26000 0 "" tx 2/idle`,
    )
  })

  it('stay apart where bytes are no characters of the encoding', async () => {
    const one = Buffer.from([0xe9])
    const other = Buffer.from([0xe8])
    // What U+FFFD itself is in UTF-8, followed by the first name in UTF-8.
    const disguised = Buffer.from('\ufffdé')
    const long_one = Buffer.alloc(63, 0xe9)
    const long_other = Buffer.from([...Buffer.alloc(62, 0xe9), 0xe8])
    await expectReports(
      [
        client(parse(one, 'DELETE FROM a'), parse(other, 'SELECT 1')),
        client(parse(disguised, 'SELECT 2'), sync()),
        server(parseComplete(), parseComplete(), parseComplete(), ready()),
        client(parse(long_one, 'SELECT 3'), parse(long_other, 'SELECT 4'), sync()),
        server(parseComplete(), parseComplete(), ready()),
        client(bind('', long_one), execute(), bind('', long_other), execute(), sync()),
        server(bindComplete(), complete('SELECT 1'), bindComplete(), complete('SELECT 1'), ready()),
        client(bind('', one), execute(), bind('', other), execute(), bind('', disguised)),
        client(execute(), sync()),
        server(bindComplete(), complete('DELETE 1'), bindComplete(), complete('SELECT 1')),
        server(bindComplete(), complete('SELECT 1'), ready()),
      ],
      `1 1 extended success SELECT 1 - 1 "SELECT 3" tx 1/idle
       2 2 extended success SELECT 1 - 1 "SELECT 4" tx 1/idle
       3 3 extended success DELETE 1 - 1 "DELETE FROM a" tx 2/idle
       4 4 extended success SELECT 1 - 1 "SELECT 1" tx 2/idle
       5 5 extended success SELECT 1 - 1 "SELECT 2" tx 2/idle`,
    )
  })

  it('are one namespace for SQL and protocol, whatever the encoding', async () => {
    await expectReports(
      [
        server(setting('client_encoding', 'LATIN1')),
        client(query(Buffer.from('PREPARE é AS DELETE FROM a', 'latin1'))),
        server(complete('PREPARE'), ready()),
        client(bind('', Buffer.from('é', 'latin1')), execute(), sync()),
        server(bindComplete(), complete('DELETE 3'), ready()),
      ],
      `1 1 simple success PREPARE - 0 "PREPARE é AS DELETE FROM a" tx 1/idle
       2 2 extended success DELETE 3 - 3 "PREPARE é AS DELETE FROM a" tx 2/idle`,
    )
  })

  it('bind a portal to its statement for good', async () => {
    await expectReports(
      [
        client(parse('', 'DELETE FROM a'), bind('p', ''), parse('', 'SELECT 1'), execute('p')),
        client(sync()),
        server(parseComplete(), bindComplete(), parseComplete(), complete('DELETE 1'), ready()),
        client(query('SELECT 2')),
        server(complete('SELECT 1'), ready()),
      ],
      `1 1 extended success DELETE 1 - 1 "DELETE FROM a" tx 1/idle
       2 2 extended prepared - - 0 "SELECT 1" tx 1/idle
       3 3 simple success SELECT 1 - 1 "SELECT 2" tx 2/idle`,
    )
  })

  it('reach every statement that a long pipeline prepared', async () => {
    const rounds = Array.from({ length: 20 }, (_, index) => index)
    await expectReports(
      [
        client(...rounds.map((index) => parse(`s${index}`, `SELECT ${index}`)), sync()),
        server(...rounds.map(() => parseComplete()), ready()),
        client(...rounds.flatMap((index) => [bind('', `s${index}`), execute()]), sync()),
        server(...rounds.flatMap(() => [bindComplete(), complete('SELECT 1')]), ready()),
      ],
      rounds
        .map(
          (index) =>
            `${index + 1} ${index + 1} extended success SELECT 1 - 1 "SELECT ${index}" tx 1/idle`,
        )
        .join('\n'),
    )
  })
})

describe('what SQL prepares and declares', () => {
  it('is joined to its EXECUTE, with text and literal values', async () => {
    await expectReports(
      [
        client(query('PREPARE p (int, text) AS UPDATE a SET n = $1 WHERE t = $2')),
        server(complete('PREPARE'), ready()),
        client(query("EXECUTE p (1, 'x'); EXECUTE p (NULL, 'a' || 'b')")),
        server(complete('UPDATE 1'), complete('UPDATE 0'), ready()),
        client(query('DEALLOCATE p'), query('EXECUTE p (1, 2)')),
        server(complete('DEALLOCATE'), ready(), failure('26000'), ready()),
      ],
      `1 1 simple success PREPARE - 0 "PREPARE p (int, text) AS UPDATE a SET n = $1 WHERE t = $2" tx 1/idle - []
       2 2 simple success UPDATE 1 - 1 "EXECUTE p (1, 'x')" tx 2/idle PREPARE p (int, text) AS UPDATE a SET n = $1 WHERE t = $2 [1,x]
       3 3 simple success UPDATE 0 - 0 "EXECUTE p (NULL, 'a' || 'b')" tx 2/idle PREPARE p (int, text) AS UPDATE a SET n = $1 WHERE t = $2 [,<expression>]
       4 4 simple success DEALLOCATE - 0 "DEALLOCATE p" tx 3/idle - []
       5 5 simple failure - 26000 0 "EXECUTE p (1, 2)" tx 4/idle - [1,2]`,
      {
        show: ({ prepared_text, literal_parameters }) =>
          `${prepared_text ?? '-'} [${literal_parameters ?? ''}]`,
      },
    )
  })

  it('is joined to the class and objects of what runs', async () => {
    await expectReports(
      [
        client(query('PREPARE p AS DELETE FROM a'), query('EXECUTE p')),
        server(complete('PREPARE'), ready(), complete('DELETE 2'), ready()),
        client(query('EXECUTE unseen'), query('FETCH unseen')),
        server(complete('SELECT 1'), ready(), complete('FETCH 1'), ready()),
      ],
      `1 1 simple success PREPARE - 0 "PREPARE p AS DELETE FROM a" tx 1/idle WRITE a
       2 2 simple success DELETE 2 - 2 "EXECUTE p" tx 2/idle WRITE a
       3 3 simple success SELECT 1 - 1 "EXECUTE unseen" tx 3/idle WRITE
       4 4 simple success FETCH 1 - 1 "FETCH unseen" tx 4/idle WRITE`,
      {
        show: ({ statement }) =>
          [statement?.class, ...(statement?.objects.map((object) => object.name) ?? [])].join(' '),
      },
    )
  })

  it('is followed through an EXECUTE that was prepared, and in a circle not for ever', async () => {
    await expectReports(
      [
        client(query('PREPARE p AS DELETE FROM a'), parse('q', 'EXECUTE p'), sync()),
        server(complete('PREPARE'), ready(), parseComplete(), ready()),
        client(query('EXECUTE q'), query('DEALLOCATE p'), query('EXECUTE q')),
        server(complete('DELETE 2'), ready(), complete('DEALLOCATE'), ready()),
        server(failure('26000'), ready()),
        client(parse('p', 'EXECUTE q'), sync(), query('EXECUTE p')),
        server(parseComplete(), ready(), failure('54001'), ready()),
      ],
      `1 1 simple success PREPARE - 0 "PREPARE p AS DELETE FROM a" tx 1/idle WRITE a
       2 2 simple success DELETE 2 - 2 "EXECUTE q" tx 2/idle WRITE a
       3 3 simple success DEALLOCATE - 0 "DEALLOCATE p" tx 3/idle MISC
       4 4 simple failure - 26000 0 "EXECUTE q" tx 4/idle WRITE
       5 5 simple failure - 54001 0 "EXECUTE p" tx 5/idle WRITE`,
      {
        show: ({ statement }) =>
          [statement?.class, ...(statement?.objects.map((object) => object.name) ?? [])].join(' '),
      },
    )
  })

  it('keeps what an EXECUTE does around what it executes', async () => {
    await expectReports(
      [
        client(query('PREPARE p (int) AS SELECT * FROM a')),
        server(complete('PREPARE'), ready()),
        client(query('CREATE TABLE b AS EXECUTE p (1)'), query('EXECUTE p (spy())')),
        server(complete('SELECT 1'), ready(), complete('SELECT 1'), ready()),
      ],
      `1 1 simple success PREPARE - 0 "PREPARE p (int) AS SELECT * FROM a" tx 1/idle READ a
       2 2 simple success SELECT 1 - 1 "CREATE TABLE b AS EXECUTE p (1)" tx 2/idle DDL b,a
       3 3 simple success SELECT 1 - 1 "EXECUTE p (spy())" tx 3/idle FUNCTION spy,a`,
      {
        show: ({ statement }) =>
          `${statement?.class} ${statement?.objects.map((object) => object.name)}`,
      },
    )
  })

  it('is a cursor that FETCH and Execute both run (corner 5)', async () => {
    await expectReports(
      [
        client(query('BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT * FROM a; FETCH 2 FROM c')),
        server(complete('BEGIN'), complete('DECLARE CURSOR'), complete('FETCH 2'), ready('T')),
        client(query('COMMIT'), execute('c', 1), sync(), query('CLOSE c'), query('FETCH c')),
        server(complete('COMMIT'), ready(), complete('SELECT 1'), ready()),
        server(complete('CLOSE CURSOR'), ready(), failure('34000'), ready()),
      ],
      `1 1 simple success BEGIN - 0 "BEGIN" tx 1/idle
       2 2 simple success DECLARE CURSOR - 0 "DECLARE c CURSOR WITH HOLD FOR SELECT * FROM a" tx 1/open a
       3 3 simple success FETCH 2 - 2 "FETCH 2 FROM c" tx 1/open a
       4 4 simple success COMMIT - 0 "COMMIT" tx 1/open
       5 5 extended success SELECT 1 - 1 "DECLARE c CURSOR WITH HOLD FOR SELECT * FROM a" tx 2/idle a
       6 6 simple success CLOSE CURSOR - 0 "CLOSE c" tx 3/idle
       7 7 simple failure - 34000 0 "FETCH c" tx 4/idle`,
      { show: ({ statement }) => String(statement?.objects.map((object) => object.name)) },
    )
  })

  it('is a portal of the protocol that FETCH reads', async () => {
    await expectReports(
      [
        client(query('BEGIN'), parse('', 'SELECT * FROM secret'), bind('p', ''), sync()),
        server(complete('BEGIN'), ready('T'), parseComplete(), bindComplete(), ready('T')),
        client(query('FETCH ALL FROM p')),
        server(complete('FETCH 9'), ready('T')),
      ],
      `1 1 simple success BEGIN - 0 "BEGIN" tx 1/idle
       2 2 simple success FETCH 9 - 9 "FETCH ALL FROM p" tx 1/open secret`,
      { show: ({ statement }) => String(statement?.objects.map((object) => object.name)) },
    )
  })

  it('is a cursor that ends with its transaction without HOLD', async () => {
    await expectReports(
      [
        client(query('BEGIN; DECLARE c CURSOR FOR SELECT * FROM a; COMMIT')),
        server(complete('BEGIN'), complete('DECLARE CURSOR'), complete('COMMIT'), ready()),
        client(execute('c'), sync()),
        server(failure('34000'), ready()),
      ],
      `1 1 simple success BEGIN - 0 "BEGIN" tx 1/idle
       2 2 simple success DECLARE CURSOR - 0 "DECLARE c CURSOR FOR SELECT * FROM a" tx 1/open
       3 3 simple success COMMIT - 0 "COMMIT" tx 1/open
       4 4 extended failure - 34000 0 "" tx 2/idle`,
    )
  })

  it('changes settings when it runs, not when it is prepared', async () => {
    await expectReports(
      [
        client(query("PREPARE p AS SELECT set_config('search_path', 'hidden', false)")),
        client(query('EXECUTE p'), query('SELECT 1')),
        server(complete('PREPARE'), ready(), complete('SELECT 1'), ready()),
        server(complete('SELECT 1'), ready()),
      ],
      `1 1 simple success PREPARE - 0 "PREPARE p AS SELECT set_config('search_path', 'hidden', false)" tx 1/idle $user,public
       2 2 simple success SELECT 1 - 1 "EXECUTE p" tx 2/idle $user,public
       3 3 simple success SELECT 1 - 1 "SELECT 1" tx 3/idle hidden`,
      { show: ({ context }) => String(context.search_path) },
    )
  })

  it('is what Bind can bind', async () => {
    await expectReports(
      [
        client(query('PREPARE p AS DELETE FROM a')),
        server(complete('PREPARE'), ready()),
        client(parse('x', 'EXECUTE p'), bind('', 'x'), execute(), bind('', 'p'), execute(), sync()),
        server(done('DELETE 1'), bindComplete(), complete('DELETE 0'), ready()),
      ],
      `1 1 simple success PREPARE - 0 "PREPARE p AS DELETE FROM a" tx 1/idle
       2 2 extended success DELETE 1 - 1 "EXECUTE p" tx 2/idle
       3 3 extended success DELETE 0 - 0 "PREPARE p AS DELETE FROM a" tx 2/idle`,
    )
  })
})

import { describe, it } from 'vitest'
import { client, closed, expectReports, server } from '../support/dialogue.js'
import {
  complete,
  copyInResponse,
  dataRow,
  empty,
  failure,
  functionCall,
  functionResult,
  notice,
  query,
  ready,
  rowDescription,
} from '../support/messages.js'

describe('a Query', () => {
  it('is one execution with its tag and rows', async () => {
    await expectReports(
      [
        client(query('SELECT 1')),
        server(rowDescription('n'), dataRow('1'), complete('SELECT 1'), ready()),
      ],
      '1 1 simple success SELECT 1 - 1 "SELECT 1" tx 1/idle',
    )
  })

  it('of several statements is one execution each, with its own text', async () => {
    await expectReports(
      [
        client(query("INSERT INTO a VALUES (1); /* b */ UPDATE a SET n = 2 ;; SELECT 'x;y'")),
        server(complete('INSERT 0 1'), complete('UPDATE 3'), dataRow('x;y'), complete('SELECT 1')),
        server(ready()),
      ],
      `1 1 simple success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/idle
       2 2 simple success UPDATE 3 - 3 "/* b */ UPDATE a SET n = 2" tx 1/idle
       3 3 simple success SELECT 1 - 1 "SELECT 'x;y'" tx 1/idle`,
    )
  })

  it('with an error in the middle undoes what came before and skips what comes after', async () => {
    await expectReports(
      [
        client(query('INSERT INTO a VALUES (1); SELECT 1/0; DELETE FROM a')),
        server(complete('INSERT 0 1'), failure('22012', 'division by zero'), ready()),
        client(query('SELECT 2')),
        server(complete('SELECT 1'), ready()),
      ],
      `1 1 simple success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/idle
       2 2 simple failure - 22012 0 "SELECT 1/0" tx 1/idle
       3 3 simple skipped - - 0 "DELETE FROM a" tx 1/idle
       transaction end: rolled back, error in the same transaction, 22012, tx 1/idle, 1 recorded
       4 4 simple success SELECT 1 - 1 "SELECT 2" tx 2/idle`,
    )
  })

  it('whose error ends the session too skips what comes after', async () => {
    const fatal = failure('08P01', 'terminating connection', 'FATAL')
    await expectReports(
      [
        client(query('SELECT 1; COPY a FROM STDIN; DELETE FROM a')),
        server(complete('SELECT 1'), copyInResponse()),
        client(query('SELECT 2')),
        server(failure('08P01', 'unexpected message type 0x51'), fatal),
        closed,
      ],
      `1 1 simple success SELECT 1 - 1 "SELECT 1" tx 1/idle
       2 2 simple failure - 08P01 0 "COPY a FROM STDIN" tx 1/idle
       3 3 simple skipped - - 0 "DELETE FROM a" tx 1/idle
       4 4 simple skipped - - 0 "SELECT 2" tx 1/idle
       transaction end: rolled back, connection ended, 08P01, tx 1/idle, 1 recorded`,
    )
  })

  it('that the server refuses to parse is one failure, however many statements it holds (corner 9)', async () => {
    await expectReports(
      [
        client(query('SELECT 1; SELEKT 2; SELECT 3')),
        server(failure('42601', 'syntax error at or near "SELEKT"'), ready()),
      ],
      '1 1 simple failure - 42601 0 "SELECT 1; SELEKT 2; SELECT 3" tx 1/idle',
    )
  })

  it('without a statement leaves nothing', async () => {
    await expectReports(
      [
        client(query(';;'), query(''), query('-- nothing')),
        server(empty(), ready(), empty(), ready(), empty(), ready()),
      ],
      '',
    )
  })

  it('that the server understands although our grammar sees nothing in it is not lost', async () => {
    await expectReports(
      [client(query('-- hidden')), server(complete('DELETE 7'), ready())],
      `1 1 simple success DELETE 7 - 7 "-- hidden" tx 1/idle
       disagreement: 1 answered of 0 statements`,
    )
  })

  it('answered more often than the grammar sees statements has a record for each answer', async () => {
    await expectReports(
      [client(query('SELECT 1')), server(complete('SELECT 1'), complete('DELETE 7'), ready())],
      `1 1 simple success SELECT 1 - 1 "SELECT 1" tx 1/idle parsed
       2 2 simple success DELETE 7 - 7 "SELECT 1" tx 1/idle unparsed
       disagreement: 2 answered of 1 statements`,
      { show: (execution) => execution.status },
    )
  })

  it('answered less often than the grammar sees statements is told as a disagreement', async () => {
    await expectReports(
      [client(query('SELECT 1; DELETE FROM a')), server(complete('SELECT 1'), ready())],
      `1 1 simple success SELECT 1 - 1 "SELECT 1" tx 1/idle
       2 2 simple skipped - - 0 "DELETE FROM a" tx 1/idle
       disagreement: 1 answered of 2 statements`,
    )
  })

  it('is cancelled when the server says 57014', async () => {
    await expectReports(
      [
        client(query('SELECT pg_sleep(9)')),
        server(rowDescription('s'), failure('57014', 'canceling statement'), ready()),
      ],
      '1 1 simple cancelled - 57014 0 "SELECT pg_sleep(9)" tx 1/idle',
    )
  })

  it('may be followed by others before it is answered', async () => {
    await expectReports(
      [
        client(query('SELECT 1'), query('SELECT boom'), query('SELECT 3')),
        server(notice('hello'), complete('SELECT 1'), ready(), failure('42703'), ready()),
        server(complete('SELECT 1'), ready()),
      ],
      `1 1 simple success SELECT 1 - 1 "SELECT 1" tx 1/idle
       2 2 simple failure - 42703 0 "SELECT boom" tx 2/idle
       3 3 simple success SELECT 1 - 1 "SELECT 3" tx 3/idle`,
    )
  })

  it('that our grammar refuses and the server takes leaves names in doubt', async () => {
    await expectReports(
      [
        client(query('FROBNICATE ALL')),
        server(complete('FROBNICATE'), ready()),
        client(query('SELECT * FROM t')),
        server(complete('SELECT 0'), ready()),
      ],
      `1 1 simple success FROBNICATE - 0 "FROBNICATE ALL" tx 1/idle doubted false
       2 2 simple success SELECT 0 - 0 "SELECT * FROM t" tx 2/idle doubted true`,
      { show: ({ context }) => `doubted ${context.search_path_doubted}` },
    )
  })
})

describe('a FunctionCall', () => {
  it('is an execution without a text', async () => {
    await expectReports(
      [
        client(functionCall(954, ['x']), functionCall(1, []), functionCall(2, [])),
        server(functionResult('ok'), ready(), failure('42883'), ready(), failure('57014'), ready()),
      ],
      `1 1 function/FunctionCall success - - 0 "" tx 1/idle 954 out 6
       2 2 function/FunctionCall failure - 42883 0 "" tx 2/idle 1 out 0
       3 3 function/FunctionCall cancelled - 57014 0 "" tx 3/idle 2 out 0`,
      { show: ({ function_oid, bytes_out }) => `${function_oid} out ${bytes_out}` },
    )
  })

  it('may change settings, unless it only moves large objects', async () => {
    await expectReports(
      [
        client(functionCall(952), query('SELECT 1'), functionCall(2078), query('SELECT 2')),
        server(functionResult('1'), ready(), complete('SELECT 1'), ready()),
        server(functionResult('x'), ready(), complete('SELECT 1'), ready()),
      ],
      `1 1 function/FunctionCall success - - 0 "" tx 1/idle doubted false
       2 2 simple success SELECT 1 - 1 "SELECT 1" tx 2/idle doubted false
       3 3 function/FunctionCall success - - 0 "" tx 3/idle doubted false
       4 4 simple success SELECT 1 - 1 "SELECT 2" tx 4/idle doubted true`,
      { show: ({ context }) => `doubted ${context.search_path_doubted}` },
    )
  })

  it('is unknown when the connection ends before its answer', async () => {
    await expectReports(
      [client(functionCall(1)), server(functionResult('1')), closed],
      '1 1 function/FunctionCall unknown - - 0 "" tx 1/idle',
    )
  })
})

import { describe, expect, it } from 'vitest'
import { client, closed, Dialogue, expectReports, type Show, server } from '../support/dialogue.js'
import {
  ask,
  bind,
  bindComplete,
  complete,
  copyBothResponse,
  copyData,
  copyDone,
  copyFail,
  copyInResponse,
  copyOutResponse,
  done,
  execute,
  failure,
  flush,
  functionCall,
  functionResult,
  parse,
  parseComplete,
  query,
  ready,
  sync,
} from '../support/messages.js'

const bytes: Show = ({ bytes_in, bytes_out, copied_out }) =>
  `in ${bytes_in} out ${bytes_out}${copied_out ? ' copied' : ''}`

describe('COPY by a Query', () => {
  it('out counts what was sent', async () => {
    await expectReports(
      [
        client(query('COPY a TO STDOUT')),
        server(
          copyOutResponse(),
          copyData('1\n'),
          copyData('22\n'),
          copyDone(),
          complete('COPY 2'),
        ),
        server(ready()),
      ],
      '1 1 simple success COPY 2 - 2 "COPY a TO STDOUT" tx 1/idle in -1 out 5 copied',
      { show: bytes },
    )
  })

  it('in counts what was received', async () => {
    await expectReports(
      [
        client(query('COPY a FROM STDIN')),
        server(copyInResponse()),
        client(copyData('1\n'), copyData('22\n'), copyDone()),
        server(complete('COPY 2'), ready()),
        client(query('SELECT 1')),
        server(complete('SELECT 1'), ready()),
      ],
      `1 1 simple success COPY 2 - 2 "COPY a FROM STDIN" tx 1/idle in 5 out 0
       2 2 simple success SELECT 1 - 1 "SELECT 1" tx 2/idle in -1 out 0`,
      { show: bytes },
    )
  })

  it('in may be sent whole before any answer, and twice in one Query', async () => {
    await expectReports(
      [
        client(query('COPY a FROM STDIN; COPY b FROM STDIN')),
        client(copyData('1\n'), copyDone(), copyData('22\n'), copyDone(), query('SELECT 1')),
        server(copyInResponse(), complete('COPY 1'), copyInResponse(), complete('COPY 1'), ready()),
        server(complete('SELECT 1'), ready()),
      ],
      `1 1 simple success COPY 1 - 1 "COPY a FROM STDIN" tx 1/idle in 2 out 0
       2 2 simple success COPY 1 - 1 "COPY b FROM STDIN" tx 1/idle in 3 out 0
       3 3 simple success SELECT 1 - 1 "SELECT 1" tx 2/idle in -1 out 0`,
      { show: bytes },
    )
  })

  it('ended by CopyFail is a failure, not cancelled (corner 19)', async () => {
    await expectReports(
      [
        client(query('COPY a FROM STDIN')),
        server(copyInResponse()),
        client(copyData('1\n'), copyFail('changed my mind')),
        server(failure('57014', 'COPY from stdin failed: changed my mind'), ready()),
        client(query('SELECT pg_sleep(9)')),
        server(failure('57014', 'canceling statement due to user request'), ready()),
      ],
      `1 1 simple failure - 57014 0 "COPY a FROM STDIN" tx 1/idle in 2 out 0
       2 2 simple cancelled - 57014 0 "SELECT pg_sleep(9)" tx 2/idle in -1 out 0`,
      { show: bytes },
    )
  })

  it('cancelled before the client ended it is cancelled', async () => {
    await expectReports(
      [
        client(query('COPY a FROM STDIN')),
        server(copyInResponse()),
        client(copyData('1\n')),
        server(failure('57014', 'canceling statement due to user request'), ready()),
        client(copyData('2\n'), copyFail('too late'), query('COPY a FROM STDIN')),
        server(copyInResponse()),
        client(copyData('333\n'), copyDone()),
        server(complete('COPY 1'), ready()),
      ],
      `1 1 simple cancelled - 57014 0 "COPY a FROM STDIN" tx 1/idle in 2 out 0
       2 2 simple success COPY 1 - 1 "COPY a FROM STDIN" tx 2/idle in 4 out 0`,
      { show: bytes },
    )
  })

  it('ignores a Sync and a Flush among the data', async () => {
    await expectReports(
      [
        client(query('COPY a FROM STDIN')),
        server(copyInResponse()),
        client(copyData('1\n'), sync(), flush(), sync(), copyDone()),
        server(complete('COPY 1'), ready()),
        client(query('SELECT 1'), sync()),
        server(complete('SELECT 1'), ready(), ready()),
      ],
      `1 1 simple success COPY 1 - 1 "COPY a FROM STDIN" tx 1/idle
       2 2 simple success SELECT 1 - 1 "SELECT 1" tx 2/idle`,
    )
  })

  it('takes copy messages outside of any COPY for nothing', async () => {
    await expectReports(
      [
        client(copyData('stray'), copyDone(), copyFail('stray')),
        client(query('SELECT 1'), copyData('stray'), copyDone(), query('COPY a FROM STDIN')),
        client(copyData('1\n'), copyDone(), query('SELECT 2')),
        server(complete('SELECT 1'), ready(), copyInResponse(), complete('COPY 1'), ready()),
        server(complete('SELECT 1'), ready()),
      ],
      `1 1 simple success SELECT 1 - 1 "SELECT 1" tx 1/idle in -1 out 0
       2 2 simple success COPY 1 - 1 "COPY a FROM STDIN" tx 2/idle in 2 out 0
       3 3 simple success SELECT 1 - 1 "SELECT 2" tx 3/idle in -1 out 0`,
      { show: bytes },
    )
  })

  it('both ways counts both, and answers twice', async () => {
    await expectReports(
      [
        client(query('START_REPLICATION 0/0')),
        server(copyBothResponse(), copyData('wal wal')),
        client(copyData('feedback'), copyDone()),
        server(copyDone(), complete('COPY 0'), complete('START_REPLICATION'), ready()),
      ],
      `1 1 simple success COPY 0 - 0 "START_REPLICATION 0/0" tx 1/idle in 8 out 7
       2 2 simple success START_REPLICATION - 0 "START_REPLICATION 0/0" tx 1/idle in -1 out 0`,
      { show: bytes },
    )
  })
})

describe('COPY by the extended protocol', () => {
  it('in and out', async () => {
    await expectReports(
      [
        client(ask('COPY a TO STDOUT'), sync()),
        server(parseComplete(), bindComplete(), copyOutResponse(), copyData('1\n'), copyDone()),
        server(complete('COPY 1'), ready()),
        client(ask('COPY a FROM STDIN'), flush()),
        server(parseComplete(), bindComplete(), copyInResponse()),
        client(copyData('22\n'), copyDone(), sync()),
        server(complete('COPY 1'), ready()),
      ],
      `1 1 extended success COPY 1 - 1 "COPY a TO STDOUT" tx 1/idle in -1 out 2 copied
       2 2 extended success COPY 1 - 1 "COPY a FROM STDIN" tx 2/idle in 3 out 0`,
      { show: bytes },
    )
  })

  // libpq does so: its Sync goes with the Execute, another one with CopyDone.
  it('with the Sync before the data: two Syncs, one ReadyForQuery (corner 3)', async () => {
    await expectReports(
      [
        client(ask('COPY a FROM STDIN'), sync()),
        server(parseComplete(), bindComplete(), copyInResponse()),
        client(copyData('1\n'), copyDone(), sync()),
        server(complete('COPY 1'), ready()),
        client(ask('SELECT 1'), sync(), query('SELECT 2')),
        server(done('SELECT 1'), ready(), complete('SELECT 1'), ready()),
      ],
      `1 1 extended success COPY 1 - 1 "COPY a FROM STDIN" tx 1/idle
       2 2 extended success SELECT 1 - 1 "SELECT 1" tx 2/idle
       3 3 extended success SELECT 1 - 1 "SELECT 2" tx 3/idle`.replace(
        '3 3 extended',
        '3 3 simple',
      ),
    )
  })

  it('with everything sent at once, twice', async () => {
    const one = [ask('COPY a FROM STDIN'), sync(), copyData('1\n'), copyDone(), sync()]
    const answers = [parseComplete(), bindComplete(), copyInResponse(), complete('COPY 1'), ready()]
    await expectReports(
      [client(...one, ...one, query('SELECT 1')), server(...answers, ...answers)].concat(
        server(complete('SELECT 1'), ready()),
      ),
      `1 1 extended success COPY 1 - 1 "COPY a FROM STDIN" tx 1/idle
       2 2 extended success COPY 1 - 1 "COPY a FROM STDIN" tx 2/idle
       3 3 simple success SELECT 1 - 1 "SELECT 1" tx 3/idle`,
    )
  })

  it('that fails at a row has swallowed the first Sync', async () => {
    await expectReports(
      [
        client(ask('COPY a FROM STDIN'), sync()),
        server(parseComplete(), bindComplete(), copyInResponse()),
        client(copyData('nonsense\n'), copyDone(), sync()),
        server(failure('22P02'), ready()),
        client(query('SELECT 1')),
        server(complete('SELECT 1'), ready()),
        client(ask('SELECT 2'), sync(), ask('SELECT boom'), sync()),
        server(done('SELECT 1'), ready(), failure('42703'), ready()),
      ],
      `1 1 extended failure - 22P02 0 "COPY a FROM STDIN" tx 1/idle
       2 2 simple success SELECT 1 - 1 "SELECT 1" tx 2/idle
       3 3 extended success SELECT 1 - 1 "SELECT 2" tx 3/idle
       4 4 extended/Parse failure - 42703 0 "SELECT boom" tx 4/idle`,
    )
  })

  it('that fails before the data has not: a trigger, two ReadyForQuery (corner 3)', async () => {
    await expectReports(
      [
        client(ask('COPY a FROM STDIN'), sync()),
        server(parseComplete(), bindComplete(), copyInResponse(), failure('P0001'), ready()),
        client(copyData('1\n'), copyDone(), sync()),
        server(ready()),
        client(query('SELECT 1')),
        server(complete('SELECT 1'), ready()),
        client(ask('SELECT 2'), sync()),
        server(done('SELECT 1'), ready()),
      ],
      `1 1 extended failure - P0001 0 "COPY a FROM STDIN" tx 1/idle
       2 2 simple success SELECT 1 - 1 "SELECT 1" tx 2/idle
       3 3 extended success SELECT 1 - 1 "SELECT 2" tx 3/idle`,
    )
  })

  it.each([
    ['a Query that fails', [query('SELECT boom')], [failure('42703'), ready()]],
    ['a failing Parse', [parse('', 'SELECT boom'), sync()], [failure('42703'), ready()]],
  ])('that failed with the Sync swallowed may be followed by %s', async (_name, asked, answers) => {
    const dialogue = await new Dialogue().playAll([
      client(ask('COPY a FROM STDIN'), sync()),
      server(parseComplete(), bindComplete(), copyInResponse()),
      client(copyData('nonsense\n'), copyDone(), sync()),
      server(failure('22P02'), ready()),
      client(...asked),
      server(...answers),
      client(functionCall(952)),
      server(functionResult('1'), ready()),
    ])
    expect(dialogue.conversation.owed.length).toBe(0)
    expect(
      dialogue.reports.map((report) =>
        report.kind === 'execution' ? report.outcome : report.kind,
      ),
    ).toEqual(['failure', 'failure', 'success'])
  })

  it('that fails at its data has not read the Sync behind them', async () => {
    await expectReports(
      [
        client(parse('', 'COPY a FROM STDIN'), bind('', ''), execute(), flush()),
        server(parseComplete(), bindComplete(), copyInResponse()),
        client(
          copyData('x\n'),
          sync(),
          query('EXECUTE nobody'),
          query('SELECT 1; SELECT 2'),
          sync(),
        ),
        client(execute('a'), sync()),
        server(failure('22P02'), ready(), failure('26000'), ready()),
        server(complete('SELECT 1'), complete('SELECT 1'), ready(), ready()),
        server(failure('34000'), ready()),
      ],
      `1 1 extended failure - 22P02 0 "COPY a FROM STDIN" tx 1/idle
       2 2 simple failure - 26000 0 "EXECUTE nobody" tx 2/idle
       3 3 simple success SELECT 1 - 1 "SELECT 1" tx 3/idle
       4 4 simple success SELECT 1 - 1 "SELECT 2" tx 3/idle
       5 5 extended failure - 34000 0 "" tx 4/idle`,
    )
  })

  it('that fails at its data has read the Sync before them, and not the one behind', async () => {
    await expectReports(
      [
        client(ask('COPY a FROM STDIN'), sync(), copyData('x\n'), sync(), copyDone()),
        client(bind('', 'nobody'), sync(), query('SELECT 1'), parse('p', 'SELECT 2'), sync()),
        server(parseComplete(), bindComplete(), copyInResponse(), failure('22P02'), ready()),
        server(failure('26000'), ready(), complete('SELECT 1'), ready(), parseComplete(), ready()),
        client(query('SELECT 3')),
        server(complete('SELECT 3'), ready()),
      ],
      `1 1 extended failure - 22P02 0 "COPY a FROM STDIN" tx 1/idle
       disagreement: an error that may have made the server skip what came with it
       2 2 extended/Bind failure - 26000 0 "" tx 2/idle
       3 3 simple success SELECT 1 - 1 "SELECT 1" tx 3/idle
       4 4 simple success SELECT 3 - 3 "SELECT 3" tx 4/idle`,
    )
  })

  it.each([
    ['a Query', query('DELETE FROM b; SELECT 2'), 2],
    ['a function call', functionCall(952), 1],
  ])('that failed with the Sync swallowed skips %s', async (_name, skipped, count) => {
    const dialogue = await new Dialogue().playAll([
      client(ask('COPY a FROM STDIN'), sync(), copyData('x\n'), copyDone(), skipped),
      client(sync(), sync(), query('SELECT 1')),
      server(parseComplete(), bindComplete(), copyInResponse(), failure('22P02'), ready()),
      server(ready(), complete('SELECT 1'), ready()),
    ])
    const executions = dialogue.reports.filter((report) => report.kind === 'execution')
    expect(dialogue.reports.length).toBe(count + 2)
    expect(executions.map(({ outcome }) => outcome)).toEqual([
      'failure',
      ...Array(count).fill('skipped'),
      'success',
    ])
    expect(dialogue.conversation.owed.length).toBe(0)
  })

  it('that failed has nothing of the data of a COPY that was sent ahead behind it', async () => {
    await expectReports(
      [
        client(ask('COPY a FROM STDIN'), copyData('x\n'), sync(), query('SELECT 1'), sync()),
        client(query('COPY b FROM STDIN'), copyData('22\n'), copyData('33\n'), copyDone(), sync()),
        server(parseComplete(), bindComplete(), copyInResponse(), failure('22P02'), ready()),
        server(complete('SELECT 1'), ready(), ready()),
        server(copyInResponse(), complete('COPY 2'), ready(), ready()),
      ],
      `1 1 extended failure - 22P02 0 "COPY a FROM STDIN" tx 1/idle in 2 out 0
       2 2 simple success SELECT 1 - 1 "SELECT 1" tx 2/idle in -1 out 0
       3 3 simple success COPY 2 - 2 "COPY b FROM STDIN" tx 3/idle in 6 out 0`,
      { show: bytes },
    )
  })

  it('that was cancelled before its data leaves the next one its bytes', async () => {
    await expectReports(
      [
        client(query('COPY a FROM STDIN'), query('COPY b FROM STDIN')),
        client(copyData('22\n'), copyFail('no')),
        server(copyInResponse(), failure('57014'), ready()),
        server(copyInResponse(), failure('57014'), ready()),
      ],
      `1 1 simple cancelled - 57014 0 "COPY a FROM STDIN" tx 1/idle in 0 out 0
       2 2 simple failure - 57014 0 "COPY b FROM STDIN" tx 2/idle in 3 out 0`,
      { show: bytes },
    )
  })

  it('that failed with the Sync swallowed skips what stood before the next Sync', async () => {
    await expectReports(
      [
        client(ask('COPY a FROM STDIN'), sync(), copyData('x\n'), copyDone()),
        client(ask('DELETE FROM b'), sync(), query('SELECT 1')),
        server(parseComplete(), bindComplete(), copyInResponse(), failure('22P02'), ready()),
        server(complete('SELECT 1'), ready()),
      ],
      `1 1 extended failure - 22P02 0 "COPY a FROM STDIN" tx 1/idle
       2 2 extended skipped - - 0 "DELETE FROM b" tx 2/idle
       3 3 simple success SELECT 1 - 1 "SELECT 1" tx 2/idle`,
    )
  })

  it('that is cut off keeps its numbers', async () => {
    await expectReports(
      [
        client(ask('COPY a TO STDOUT'), sync()),
        server(parseComplete(), bindComplete(), copyOutResponse(), copyData('1234567\n')),
        closed,
      ],
      '1 1 extended unknown - - 0 "COPY a TO STDOUT" tx 1/idle in -1 out 8',
      { show: bytes },
    )
  })

  it('keeps its books when a session does it for ever', async () => {
    const dialogue = new Dialogue()
    for (let round = 0; round < 300; round++) {
      await dialogue.playAll([
        client(ask('COPY a FROM STDIN'), sync()),
        server(parseComplete(), bindComplete(), copyInResponse()),
        client(copyData('1\n'), copyDone(), sync()),
        server(complete('COPY 1'), ready()),
      ])
    }
    expect(dialogue.conversation.owed.length).toBe(0)
    expect(dialogue.conversation.owed_bytes).toBe(0)
    expect(dialogue.reports.length).toBe(300)
  })

  it('is not confused by an Execute of a portal behind it', async () => {
    await expectReports(
      [
        client(ask('COPY a FROM STDIN'), copyData('1\n'), copyDone(), execute(), sync()),
        server(parseComplete(), bindComplete(), copyInResponse(), complete('COPY 1')),
        server(failure('55000'), ready()),
      ],
      `1 1 extended success COPY 1 - 1 "COPY a FROM STDIN" tx 1/idle
       2 1 extended failure - 55000 0 "COPY a FROM STDIN" tx 1/idle
       transaction end: rolled back, error in the same transaction, 55000, tx 1/idle, 1 recorded`,
    )
  })
})

import { describe, expect, it } from 'vitest'
import { limits } from '../../src/lib/limits.js'
import type { Execution } from '../../src/session/execution.js'
import { client, closed, Dialogue, expectReports, server } from '../support/dialogue.js'
import {
  ask,
  bind,
  bindComplete,
  closeComplete,
  closePortal,
  closeStatement,
  complete,
  dataRow,
  describePortal,
  describeStatement,
  done,
  empty,
  execute,
  failure,
  flush,
  message,
  noData,
  parameterDescription,
  parse,
  parseComplete,
  query,
  ready,
  rowDescription,
  suspended,
  sync,
} from '../support/messages.js'

describe('the extended protocol', () => {
  it('gives one execution for each Execute, with the values of its Bind', async () => {
    await expectReports(
      [
        client(parse('s', 'SELECT $1::int', [23]), describeStatement('s'), sync()),
        server(parseComplete(), parameterDescription(23), rowDescription('n'), ready()),
        client(bind('', 's', ['7']), execute(), sync(), bind('', 's', [null]), execute(), sync()),
        server(bindComplete(), dataRow('7'), complete('SELECT 1'), ready()),
        server(bindComplete(), dataRow(''), complete('SELECT 1'), ready()),
      ],
      `1 1 extended success SELECT 1 - 1 "SELECT $1::int" tx 1/idle s [7] {23}
       2 2 extended success SELECT 1 - 1 "SELECT $1::int" tx 2/idle s [null] {23}`,
      {
        show: ({ name, bound, parameter_types }) =>
          `${name} [${bound?.values.map(String)}] {${parameter_types}}`,
      },
    )
  })

  it('keeps the portal that runs CLOSE ALL, as the server does', async () => {
    await expectReports(
      [
        client(parse('', 'CLOSE ALL'), bind('p', ''), execute('p'), execute('p'), sync()),
        server(done('CLOSE CURSOR ALL'), failure('55000'), ready()),
      ],
      `1 1 extended success CLOSE CURSOR ALL - 0 "CLOSE ALL" tx 1/idle
       2 1 extended failure - 55000 0 "CLOSE ALL" tx 1/idle
       transaction end: rolled back, error in the same transaction, 55000, tx 1/idle, 1 recorded`,
    )
  })

  it.each([
    ['H', 'Flush'],
    ['S', 'Sync'],
  ])(
    'ends at a message %s with a body, whose error would be taken for that of another',
    async (type, name) => {
      const dialogue = new Dialogue()
      await dialogue.play(client(parse('s', 'SELECT 1')))
      const with_body = client(message(type, Buffer.alloc(1)), sync())
      await expect(dialogue.play(with_body)).rejects.toThrow(`1 bytes too many in ${name}`)
    },
  )

  it('takes parameter types from Describe where Parse left them open', async () => {
    await expectReports(
      [
        client(parse('', 'SELECT $1, $2'), describeStatement(''), flush()),
        server(parseComplete(), parameterDescription(25, 1700), noData()),
        client(bind('', '', ['a', '1.5']), describePortal(''), execute(), sync()),
        server(bindComplete(), rowDescription('a', 'b'), complete('SELECT 1'), ready()),
      ],
      '1 1 extended success SELECT 1 - 1 "SELECT $1, $2" tx 1/idle {25,1700}',
      { show: ({ parameter_types }) => `{${parameter_types}}` },
    )
  })

  it('continues a suspended portal under the same uid', async () => {
    await expectReports(
      [
        client(parse('', 'SELECT * FROM t'), bind('p', ''), execute('p', 2), flush()),
        server(parseComplete(), bindComplete(), dataRow('1'), dataRow('2'), suspended()),
        client(execute('p', 2), flush(), execute('p', 2), sync()),
        server(
          dataRow('3'),
          dataRow('4'),
          suspended(),
          dataRow('5'),
          complete('SELECT 1'),
          ready(),
        ),
      ],
      `1 1 extended suspended - - 2 "SELECT * FROM t" tx 1/idle p
       2 1 extended suspended - - 2 "SELECT * FROM t" tx 1/idle p
       3 1 extended success SELECT 1 - 1 "SELECT * FROM t" tx 1/idle p`,
      { show: ({ name }) => String(name) },
    )
  })

  it('leaves nothing for an empty text', async () => {
    await expectReports(
      [
        client(ask(''), sync(), parse('', '-- nothing'), sync()),
        server(parseComplete(), bindComplete(), empty(), ready(), parseComplete(), ready()),
        client(query('SELECT 1')),
        server(complete('SELECT 1'), ready()),
      ],
      '1 1 simple success SELECT 1 - 1 "SELECT 1" tx 1/idle',
    )
  })

  it('records what failed before any Execute', async () => {
    await expectReports(
      [
        client(ask('SELECT nosuch'), sync()),
        server(failure('42703'), ready()),
        client(parse('s', 'SELECT $1::int'), bind('', 's', ['x']), execute(), sync()),
        server(parseComplete(), failure('22P02'), ready()),
        client(describeStatement('nosuch'), sync(), describePortal('nosuch'), sync()),
        server(failure('26000'), ready(), failure('34000'), ready()),
        client(execute('nosuch'), sync()),
        server(failure('34000'), ready()),
      ],
      `1 1 extended/Parse failure - 42703 0 "SELECT nosuch" tx 1/idle
       2 2 extended/Bind failure - 22P02 0 "SELECT $1::int" tx 2/idle
       3 3 extended/Describe failure - 26000 0 "" tx 3/idle
       4 4 extended/Describe failure - 34000 0 "" tx 4/idle
       5 5 extended failure - 34000 0 "" tx 5/idle`,
    )
  })

  it('records what was prepared or bound and never ran', async () => {
    await expectReports(
      [
        client(parse('a', 'DELETE FROM t WHERE n = $1'), sync()),
        server(parseComplete(), ready()),
        client(closeStatement('a'), parse('', 'SELECT 1'), parse('', 'SELECT 2'), sync()),
        server(closeComplete(), parseComplete(), parseComplete(), ready()),
        client(bind('p', ''), bind('', ''), bind('', ''), closePortal('p'), sync()),
        server(bindComplete(), bindComplete(), bindComplete(), closeComplete(), ready()),
        client(query('SELECT 3')),
        server(complete('SELECT 1'), ready()),
      ],
      `1 1 extended prepared - - 0 "DELETE FROM t WHERE n = $1" tx 0/idle
       2 2 extended prepared - - 0 "SELECT 1" tx 0/idle
       3 3 extended prepared - - 0 "SELECT 2" tx 0/idle
       4 4 extended prepared - - 0 "SELECT 2" tx 0/idle
       5 5 extended prepared - - 0 "SELECT 2" tx 0/idle
       6 6 simple success SELECT 1 - 1 "SELECT 3" tx 1/idle`,
    )
  })

  it('records what SQL drops unused', async () => {
    await expectReports(
      [
        client(parse('a', 'SELECT 1'), parse('b', 'SELECT 2'), parse('c', 'SELECT 3'), sync()),
        server(parseComplete(), parseComplete(), parseComplete(), ready()),
        client(query('DEALLOCATE a'), query('BEGIN'), bind('p', 'b'), sync(), query('CLOSE p')),
        server(complete('DEALLOCATE'), ready(), complete('BEGIN'), ready('T')),
        server(bindComplete(), ready('T'), complete('CLOSE CURSOR'), ready('T')),
        client(query('COMMIT'), query('DISCARD ALL')),
        server(complete('COMMIT'), ready(), complete('DISCARD ALL'), ready()),
      ],
      `1 1 simple success DEALLOCATE - 0 "DEALLOCATE a" tx 1/idle
       2 2 extended prepared - - 0 "SELECT 1" tx 1/idle
       3 3 simple success BEGIN - 0 "BEGIN" tx 2/idle
       4 4 simple success CLOSE CURSOR - 0 "CLOSE p" tx 2/open
       5 5 extended prepared - - 0 "SELECT 2" tx 2/open
       6 6 simple success COMMIT - 0 "COMMIT" tx 2/open
       7 7 simple success DISCARD ALL - 0 "DISCARD ALL" tx 3/idle
       8 8 extended prepared - - 0 "SELECT 3" tx 3/idle`,
    )
  })

  it('ends portals with their transaction', async () => {
    await expectReports(
      [
        client(parse('', 'SELECT 1'), bind('p', ''), sync()),
        server(parseComplete(), bindComplete(), ready()),
        client(execute('p'), sync()),
        server(failure('34000', 'portal "p" does not exist'), ready()),
      ],
      `1 1 extended prepared - - 0 "SELECT 1" tx 0/idle
       2 2 extended failure - 34000 0 "" tx 1/idle`,
    )
  })

  it('takes several statements in one Parse for all of them, should the server take them', async () => {
    await expectReports(
      [
        client(parse('', 'SELECT 1; DELETE FROM t'), sync()),
        server(failure('42601', 'cannot insert multiple commands'), ready()),
        client(ask('SELECT 1; DELETE FROM t'), sync()),
        server(done('SELECT 1'), ready()),
      ],
      `1 1 extended/Parse failure - 42601 0 "SELECT 1; DELETE FROM t" tx 1/idle WRITE
       2 2 extended success SELECT 1 - 1 "SELECT 1; DELETE FROM t" tx 2/idle WRITE`,
      { show: ({ statement }) => String(statement?.class) },
    )
  })

  it('records a Close that failed', async () => {
    await expectReports(
      [
        client(parse('s', 'SELECT 1'), closeStatement('s'), sync()),
        server(parseComplete(), failure('53200', 'out of memory'), ready()),
        client(closeStatement('s'), sync()),
        server(closeComplete(), ready()),
      ],
      `1 1 extended/Close failure - 53200 0 "SELECT 1" tx 1/idle
       2 2 extended prepared - - 0 "SELECT 1" tx 1/idle`,
    )
  })

  it('executes a finished portal again as the server says (corner 17)', async () => {
    await expectReports(
      [
        client(parse('', 'DELETE FROM t'), bind('', ''), execute(), execute(), sync()),
        server(parseComplete(), bindComplete(), complete('DELETE 2'), failure('55000'), ready()),
      ],
      `1 1 extended success DELETE 2 - 2 "DELETE FROM t" tx 1/idle
       2 1 extended failure - 55000 0 "DELETE FROM t" tx 1/idle
       transaction end: rolled back, error in the same transaction, 55000, tx 1/idle, 1 recorded`,
    )
  })
})

describe('a pipeline', () => {
  it('is skipped from an error to its Sync', async () => {
    await expectReports(
      [
        client(ask('INSERT INTO a VALUES (1)'), ask('SELECT 1/0'), ask('DELETE FROM a'), sync()),
        client(ask('SELECT 4'), sync()),
        server(done('INSERT 0 1'), parseComplete(), bindComplete(), failure('22012'), ready()),
        server(done('SELECT 1'), ready()),
      ],
      `1 1 extended success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/idle
       2 2 extended failure - 22012 0 "SELECT 1/0" tx 1/idle
       3 3 extended skipped - - 0 "DELETE FROM a" tx 1/idle
       transaction end: rolled back, error in the same transaction, 22012, tx 1/idle, 1 recorded
       4 4 extended success SELECT 1 - 1 "SELECT 4" tx 2/idle`,
    )
  })

  it('is skipped also where it is sent after the error', async () => {
    await expectReports(
      [
        client(ask('SELECT boom')),
        server(failure('42703')),
        client(ask('DELETE FROM a'), bind('', 'nosuch'), execute(), sync(), query('SELECT 4')),
        server(ready(), complete('SELECT 1'), ready()),
      ],
      `1 1 extended/Parse failure - 42703 0 "SELECT boom" tx 1/idle
       2 2 extended skipped - - 0 "DELETE FROM a" tx 1/idle
       3 3 extended skipped - - 0 "" tx 1/idle
       4 4 simple success SELECT 1 - 1 "SELECT 4" tx 2/idle`,
    )
  })

  it('skips Query and FunctionCall too, which get no ReadyForQuery then (corner 16)', async () => {
    await expectReports(
      [
        client(parse('', 'SELECT 1'), sync()),
        server(parseComplete(), ready()),
        client(parse('x', 'SELECT boom'), query('DELETE FROM a; DELETE FROM b'), sync()),
        server(failure('42703'), ready()),
        client(bind('', ''), execute(), sync()),
        server(bindComplete(), complete('SELECT 1'), ready()),
      ],
      `1 1 extended/Parse failure - 42703 0 "SELECT boom" tx 1/idle
       2 2 simple skipped - - 0 "DELETE FROM a" tx 1/idle
       3 3 simple skipped - - 0 "DELETE FROM b" tx 1/idle
       4 4 extended success SELECT 1 - 1 "SELECT 1" tx 2/idle`,
    )
  })

  it('forgets at its Sync what was skipped', async () => {
    await expectReports(
      [
        client(
          ask('SELECT boom'),
          sync(),
          parse('x', 'SELECT boom'),
          bind('', ''),
          execute(),
          sync(),
        ),
        server(failure('42703'), ready(), failure('42703'), ready()),
      ],
      `1 1 extended/Parse failure - 42703 0 "SELECT boom" tx 1/idle
       2 2 extended/Parse failure - 42703 0 "SELECT boom" tx 2/idle
       3 3 extended skipped - - 0 "" tx 2/idle`,
    )
  })

  it('tells the first Execute of what failed by that failure, and each further one', async () => {
    const again = [bind('', 'x'), execute()]
    await expectReports(
      [
        client(parse('x', 'SELECT boom'), ...again, ...again, sync()),
        server(failure('42703'), ready()),
        client(parse('x', 'SELECT $1::int'), sync()),
        server(parseComplete(), ready()),
        client(bind('', 'x', ['one']), execute(), execute(), ...again, sync()),
        server(failure('22P02'), ready()),
        client(describeStatement('x'), ...again, ...again, sync()),
        server(failure('0A000'), ready()),
        client(
          parse('', 'SELECT 2'),
          bind('', ''),
          describePortal(''),
          execute(),
          execute(),
          sync(),
        ),
        server(parseComplete(), bindComplete(), failure('0A000'), ready()),
      ],
      `1 1 extended/Parse failure - 42703 0 "SELECT boom" tx 1/idle
       2 2 extended skipped - - 0 "SELECT boom" tx 1/idle
       3 3 extended/Bind failure - 22P02 0 "SELECT $1::int" tx 2/idle
       4 4 extended skipped - - 0 "SELECT $1::int" tx 2/idle
       5 5 extended skipped - - 0 "SELECT $1::int" tx 2/idle
       6 6 extended/Describe failure - 0A000 0 "SELECT $1::int" tx 3/idle
       7 7 extended skipped - - 0 "SELECT $1::int" tx 3/idle
       8 8 extended/Describe failure - 0A000 0 "SELECT 2" tx 4/idle
       9 9 extended skipped - - 0 "SELECT 2" tx 4/idle`,
    )
  })

  it('shows the values of the Bind behind a failed Parse or Describe', async () => {
    const values = (value: string) => [bind('', 'x', [value, null]), execute()]
    await expectReports(
      [
        client(parse('x', 'SELECT $1, $2, boom'), describeStatement('x'), ...values('a')),
        client(...values('b'), sync(), parse('x', 'SELECT $1, $2'), sync()),
        client(describeStatement('x'), ...values('c'), bind('', 'x', ['d', 'e']), execute('')),
        client(sync()),
        server(failure('42703'), ready(), parseComplete(), ready(), failure('0A000'), ready()),
      ],
      `1 1 extended/Parse failure - 42703 0 "SELECT $1, $2, boom" tx 1/idle [a,null]
       2 2 extended skipped - - 0 "SELECT $1, $2, boom" tx 1/idle [b,null]
       3 3 extended/Describe failure - 0A000 0 "SELECT $1, $2" tx 2/idle [c,null]
       4 4 extended skipped - - 0 "SELECT $1, $2" tx 2/idle [d,e]`,
      { show: ({ bound }) => (bound === undefined ? '-' : `[${bound.values.map(String)}]`) },
    )
  })

  it('waits for these values up to the Sync, though they come behind the error', async () => {
    const show = { show: ({ bound }: Execution) => `${bound?.values.map(String)}` }
    await expectReports(
      [
        client(parse('', 'SELECT $1, boom')),
        server(failure('42703')),
        client(bind('', '', ['late']), execute(), sync()),
        server(ready()),
        client(parse('', 'SELECT $1, bang')),
        server(failure('42703')),
        closed,
      ],
      `1 1 extended/Parse failure - 42703 0 "SELECT $1, boom" tx 1/idle late
       2 2 extended/Parse failure - 42703 0 "SELECT $1, bang" tx 2/idle undefined`,
      show,
    )
  })

  it('does not wait for ever: behind a hundred messages an Execute shows its values itself', async () => {
    const closes = Array.from({ length: limits.skipped_ahead }, () => closeStatement('y'))
    const dialogue = await new Dialogue().playAll([
      client(parse('', 'SELECT $1, boom')),
      server(failure('42703')),
      client(...closes, bind('', '', ['late']), execute()),
    ])
    const told = dialogue.reports.map((report) =>
      report.kind === 'execution'
        ? [report.uid, report.outcome, report.bound?.values]
        : report.kind,
    )
    expect(told).toEqual([
      [1, 'failure', undefined],
      [1, 'skipped', [Buffer.from('late')]],
    ])
  })

  it('tells a skipped Execute of what failed before the last Sync', async () => {
    await expectReports(
      [
        client(parse('s', 'SELECT 1'), sync(), describeStatement('s'), sync()),
        server(parseComplete(), ready(), failure('0A000'), ready()),
        client(parse('', 'SELECT boom'), bind('', 's'), execute(), sync()),
        server(failure('42703'), ready()),
      ],
      `1 1 extended/Describe failure - 0A000 0 "SELECT 1" tx 1/idle
       2 2 extended/Parse failure - 42703 0 "SELECT boom" tx 2/idle
       3 3 extended skipped - - 0 "SELECT 1" tx 2/idle`,
    )
  })

  it('knows what is skipped although the Query before it drops the unnamed statement', async () => {
    await expectReports(
      [
        client(ask('SELECT 1'), query('SELECT 2'), bind('', ''), execute(), sync()),
        server(done('SELECT 1'), complete('SELECT 1'), ready(), failure('26000'), ready()),
      ],
      `1 1 extended success SELECT 1 - 1 "SELECT 1" tx 1/idle
       2 2 simple success SELECT 1 - 1 "SELECT 2" tx 1/idle
       3 3 extended/Bind failure - 26000 0 "" tx 2/idle`,
    )
  })
})

import { describe, expect, it } from 'vitest'
import { client, Dialogue, expectReports, server } from '../support/dialogue.js'
import {
  ask,
  bind,
  bindComplete,
  closeComplete,
  closeStatement,
  complete,
  copyBothResponse,
  copyData,
  copyDone,
  copyInResponse,
  copyOutResponse,
  dataRow,
  describeStatement,
  done,
  empty,
  execute,
  failure,
  flush,
  functionCall,
  functionResult,
  int32,
  message,
  noData,
  notice,
  notification,
  parameterDescription,
  parse,
  parseComplete,
  query,
  ready,
  rowDescription,
  setting,
  suspended,
  sync,
} from '../support/messages.js'

/** Each answer of a server with the requests that it fits; `anything` may come at any time. */
const answers = {
  ParseComplete: { bytes: parseComplete(), fits: ['parse'] },
  BindComplete: { bytes: bindComplete(), fits: ['bind'] },
  CloseComplete: { bytes: closeComplete(), fits: ['close'] },
  ParameterDescription: { bytes: parameterDescription(23), fits: ['describe'] },
  NoData: { bytes: noData(), fits: ['describe'] },
  RowDescription: { bytes: rowDescription('n'), fits: ['describe', 'query'] },
  DataRow: { bytes: dataRow('1'), fits: ['query', 'execute'] },
  'CommandComplete DELETE 1': { bytes: complete('DELETE 1'), fits: ['query', 'execute'] },
  EmptyQueryResponse: { bytes: empty(), fits: ['query', 'execute'] },
  PortalSuspended: { bytes: suspended(), fits: ['execute'] },
  CopyInResponse: { bytes: copyInResponse(), fits: ['query', 'execute'] },
  CopyOutResponse: { bytes: copyOutResponse(), fits: ['query', 'execute'] },
  CopyBothResponse: { bytes: copyBothResponse(), fits: ['query'] },
  CopyData: { bytes: copyData('1\n'), fits: [] },
  CopyDone: { bytes: copyDone(), fits: [] },
  FunctionCallResponse: { bytes: functionResult('1'), fits: ['function_call'] },
  ReadyForQuery: { bytes: ready(), fits: ['sync'] },
  'ErrorResponse 42703': {
    bytes: failure('42703'),
    fits: ['parse', 'bind', 'describe', 'execute', 'close', 'query', 'function_call', 'sync'],
  },
  Authentication: { bytes: message('R', int32(0)), fits: [] },
  BackendKeyData: { bytes: message('K', int32(1), int32(2)), fits: [] },
  NegotiateProtocolVersion: { bytes: message('v', int32(0), int32(0)), fits: [] },
  ParameterStatus: { bytes: setting('TimeZone', 'UTC'), fits: 'anything' },
  NoticeResponse: { bytes: notice('hello'), fits: 'anything' },
  NotificationResponse: { bytes: notification('channel'), fits: 'anything' },
} as const

/** A request of each kind; the ones of the extended protocol are answered up to themselves. */
const requests = {
  nothing: Buffer.alloc(0),
  parse: parse('', 'SELECT 1'),
  bind: bind('', 's'),
  describe: describeStatement('s'),
  execute: execute(),
  close: closeStatement('s'),
  query: query('SELECT 1'),
  function_call: functionCall(1),
  sync: sync(),
} as const

const cases = Object.entries(answers).flatMap(([name, { bytes, fits }]) =>
  Object.entries(requests).map(([kind, asked]) => ({
    name,
    bytes,
    kind,
    asked,
    expected: fits === 'anything' || fits.some((one) => one === kind) ? 0 : 1,
  })),
)

async function disagreementsOf(asked: Buffer, answer: Buffer): Promise<string[]> {
  const dialogue = await new Dialogue().playAll([client(asked), server(answer)])
  return dialogue.reports.flatMap((report) =>
    report.kind === 'disagreement' ? [report.message] : [],
  )
}

describe('an answer that does not fit what is owed', () => {
  it.each(cases)('is told: $name while $kind is owed: $expected', async (one) => {
    // A Query and a FunctionCall are over at their ReadyForQuery, which misses their own answer.
    const missing = one.name === 'ReadyForQuery' && /^(?:query|function_call)$/.test(one.kind)
    const told = await disagreementsOf(one.asked, one.bytes)
    expect(told).toHaveLength(one.expected)
    if (one.expected === 0 || missing) return
    expect(told[0]).toContain(one.name)
  })

  it('is told once for rows and copy data, however many come', async () => {
    const rows = Buffer.concat(Array.from({ length: 100 }, () => dataRow('1')))
    expect(await disagreementsOf(sync(), rows)).toEqual(['DataRow while sync was owed'])
    const data = Buffer.concat(Array.from({ length: 100 }, () => copyData('1\n')))
    expect(await disagreementsOf(query('SELECT 1'), data)).toEqual(['CopyData outside of COPY'])
  })

  it('does not count for what is asked next', async () => {
    await expectReports(
      [
        server(dataRow('stray'), dataRow('stray')),
        client(query('SELECT 1')),
        server(dataRow('1'), complete('SELECT'), ready()),
      ],
      `disagreement: DataRow while nothing was owed
       1 1 simple success SELECT - 1 "SELECT 1" tx 1/idle`,
    )
  })

  it('that says more of a failed Query, or of a finished one, is told', async () => {
    await expectReports(
      [
        client(query('SELECT 1; DELETE FROM a')),
        server(failure('42703'), failure('42703'), ready(), ready()),
        client(ask('SELECT 2'), sync()),
        server(done('SELECT 1'), complete('DELETE 5'), ready()),
      ],
      `disagreement: ErrorResponse 42703 while none was owed
       1 1 simple failure - 42703 0 "SELECT 1" tx 1/idle
       2 2 simple skipped - - 0 "DELETE FROM a" tx 1/idle
       disagreement: ReadyForQuery while nothing was owed
       3 3 extended success SELECT 1 - 1 "SELECT 2" tx 2/idle
       disagreement: CommandComplete DELETE 5 while sync was owed`,
    )
  })

  it('leaves nobody behind: the next Sync is common ground again', async () => {
    await expectReports(
      [
        client(ask('SELECT 1'), sync(), ask('SELECT 2'), sync(), query('SELECT 3')),
        server(parseComplete(), ready(), done('SELECT 1'), ready(), complete('SELECT 1'), ready()),
      ],
      `disagreement: ReadyForQuery while the answer to bind was owed
       1 1 extended unknown - - 0 "SELECT 1" tx 1/idle
       2 2 extended success SELECT 1 - 1 "SELECT 2" tx 2/idle
       3 3 simple success SELECT 1 - 1 "SELECT 3" tx 3/idle`,
    )
  })

  it('finds the request behind a Sync whose ReadyForQuery must have come', async () => {
    await expectReports(
      [
        client(sync(), query('SELECT 1')),
        server(complete('SELECT 1'), ready()),
        client(query('SELECT 2'), ask('DELETE FROM a'), sync()),
        server(done('DELETE 1'), ready()),
        client(query('SELECT 3')),
        server(complete('SELECT 3'), ready()),
      ],
      `disagreement: CommandComplete SELECT 1 while sync was owed
       1 1 simple success SELECT 1 - 1 "SELECT 1" tx 1/idle
       disagreement: ParseComplete while query was owed
       2 2 simple unknown - - 0 "SELECT 2" tx 2/idle
       3 3 extended success DELETE 1 - 1 "DELETE FROM a" tx 2/idle
       transaction end: unknown, ended by an error that leaves it open, -, tx 2/idle, 1 recorded
       4 4 simple success SELECT 3 - 3 "SELECT 3" tx 3/idle`,
    )
  })
})

/** The server sends the completion, logs how long it took, and listens to a cancel meanwhile. */
describe('an error raised behind the completion of an extended-protocol message', () => {
  const cancelled = failure('57014', 'canceling statement due to user request')
  const next = [
    client(query('DELETE FROM a')),
    server(complete('DELETE 2'), ready()),
    client(ask('DELETE FROM b'), sync()),
    server(done('DELETE 3'), ready()),
  ]

  it('makes the server skip a Query that came without a Sync, which has no ReadyForQuery', async () => {
    await expectReports(
      [
        client(ask('SELECT 1'), query('SELECT 2'), sync()),
        server(done('SELECT 1'), cancelled, ready()),
        ...next,
      ],
      `1 1 extended success SELECT 1 - 1 "SELECT 1" tx 1/idle
       2 2 simple cancelled - 57014 0 "SELECT 2" tx 1/idle
       transaction end: rolled back, error in the same transaction, 57014, tx 1/idle, 1 recorded
       3 3 simple success DELETE 2 - 2 "DELETE FROM a" tx 2/idle
       4 4 extended success DELETE 3 - 3 "DELETE FROM b" tx 3/idle`,
    )
  })

  it('skips a FunctionCall in the same way', async () => {
    await expectReports(
      [
        client(ask('SELECT 1'), functionCall(1), sync()),
        server(done('SELECT 1'), cancelled, ready()),
        ...next,
      ],
      `1 1 extended success SELECT 1 - 1 "SELECT 1" tx 1/idle
       2 2 function/FunctionCall cancelled - 57014 0 "" tx 1/idle
       transaction end: rolled back, error in the same transaction, 57014, tx 1/idle, 1 recorded
       3 3 simple success DELETE 2 - 2 "DELETE FROM a" tx 2/idle
       4 4 extended success DELETE 3 - 3 "DELETE FROM b" tx 3/idle`,
    )
  })

  it('may be the own one of the Query, which has its ReadyForQuery then', async () => {
    await expectReports(
      [
        client(ask('SELECT 1'), query('SELECT 2'), query('SELECT 4'), sync()),
        server(done('SELECT 1'), cancelled, ready(), complete('SELECT 4'), ready(), ready()),
        ...next,
      ],
      `1 1 extended success SELECT 1 - 1 "SELECT 1" tx 1/idle
       2 2 simple cancelled - 57014 0 "SELECT 2" tx 1/idle
       transaction end: rolled back, error in the same transaction, 57014, tx 1/idle, 1 recorded
       3 3 simple success SELECT 4 - 4 "SELECT 4" tx 2/idle
       4 4 simple success DELETE 2 - 2 "DELETE FROM a" tx 3/idle
       5 5 extended success DELETE 3 - 3 "DELETE FROM b" tx 4/idle`,
    )
  })

  const more = [
    client(ask('SELECT 1'), query('SELECT 2'), query('DELETE FROM c'), sync()),
    client(query('DELETE FROM d')),
  ]

  it('is taken for the own one of the Query, where more was sent behind the Sync, and told', async () => {
    await expectReports(
      [
        ...more,
        server(done('SELECT 1'), cancelled, ready(), complete('DELETE 9'), ready()),
        server(ready(), complete('DELETE 8'), ready()),
        ...next,
      ],
      `1 1 extended success SELECT 1 - 1 "SELECT 1" tx 1/idle
       2 2 simple cancelled - 57014 0 "SELECT 2" tx 1/idle
       transaction end: rolled back, error in the same transaction, 57014, tx 1/idle, 1 recorded
       disagreement: an error that may have made the server skip what came with it
       3 3 simple success DELETE 9 - 9 "DELETE FROM c" tx 2/idle
       4 4 simple success DELETE 8 - 8 "DELETE FROM d" tx 3/idle
       5 5 simple success DELETE 2 - 2 "DELETE FROM a" tx 4/idle
       6 6 extended success DELETE 3 - 3 "DELETE FROM b" tx 5/idle`,
    )
  })

  it('else puts the session out of step until an answer fits nothing', async () => {
    await expectReports(
      [
        ...more,
        server(done('SELECT 1'), cancelled, ready(), complete('DELETE 9'), ready()),
        ...next,
        client(query('SELECT 7')),
        server(complete('SELECT 7'), ready()),
      ],
      `1 1 extended success SELECT 1 - 1 "SELECT 1" tx 1/idle
       2 2 simple cancelled - 57014 0 "SELECT 2" tx 1/idle
       transaction end: rolled back, error in the same transaction, 57014, tx 1/idle, 1 recorded
       disagreement: an error that may have made the server skip what came with it
       3 3 simple success DELETE 9 - 9 "DELETE FROM c" tx 2/idle
       4 4 simple success DELETE 2 - 2 "DELETE FROM d" tx 3/idle
       disagreement: ParseComplete while query was owed
       5 5 simple unknown - - 0 "DELETE FROM a" tx 4/idle
       6 6 extended success DELETE 3 - 3 "DELETE FROM b" tx 4/idle
       transaction end: unknown, ended by an error that leaves it open, -, tx 4/idle, 1 recorded
       7 7 simple success SELECT 7 - 7 "SELECT 7" tx 5/idle`,
    )
  })

  it('leaves the Bind behind the Query its own error, which no Parse can have', async () => {
    await expectReports(
      [
        client(parse('', 'SELECT 1'), query('SELECT 2'), bind('', 'nobody'), sync()),
        client(ask('DELETE FROM d'), sync()),
        server(parseComplete(), cancelled, ready(), failure('26000'), ready()),
        server(done('DELETE 8'), ready()),
        ...next,
      ],
      `1 1 extended prepared - - 0 "SELECT 1" tx 0/idle
       2 2 simple cancelled - 57014 0 "SELECT 2" tx 1/idle
       3 3 extended/Bind failure - 26000 0 "" tx 2/idle
       4 4 extended success DELETE 8 - 8 "DELETE FROM d" tx 3/idle
       5 5 simple success DELETE 2 - 2 "DELETE FROM a" tx 4/idle
       6 6 extended success DELETE 3 - 3 "DELETE FROM b" tx 5/idle`,
    )
  })

  it('undoes what was answered and skips what comes, where nothing was owed any more', async () => {
    await expectReports(
      [
        client(ask('INSERT INTO a VALUES (1)'), flush()),
        server(done('INSERT 0 1'), cancelled),
        client(query('SELECT 2'), sync()),
        server(ready()),
        ...next,
      ],
      `1 1 extended success INSERT 0 1 - 1 "INSERT INTO a VALUES (1)" tx 1/idle
       2 2 extended/Sync cancelled - 57014 0 "" tx 1/idle
       3 3 simple skipped - - 0 "SELECT 2" tx 1/idle
       transaction end: rolled back, error in the same transaction, 57014, tx 1/idle, 1 recorded
       4 4 simple success DELETE 2 - 2 "DELETE FROM a" tx 2/idle
       5 5 extended success DELETE 3 - 3 "DELETE FROM b" tx 3/idle`,
    )
  })

  it('skips nothing when the server was ready already', async () => {
    await expectReports(
      [client(sync()), server(ready(), cancelled, ready()), ...next],
      `disagreement: ErrorResponse 57014 while none was owed
       disagreement: ReadyForQuery while nothing was owed
       1 1 simple success DELETE 2 - 2 "DELETE FROM a" tx 1/idle
       2 2 extended success DELETE 3 - 3 "DELETE FROM b" tx 2/idle`,
    )
  })
})

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
})

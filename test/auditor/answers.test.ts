import { describe, expect, it } from 'vitest'
import {
  ask,
  bind,
  complete,
  copyBothResponse,
  copyData,
  copyDone,
  copyInResponse,
  copyOutResponse,
  dataRow,
  done,
  empty,
  execute,
  failure,
  flush,
  functionCall,
  functionResult,
  notice,
  parse,
  parseComplete,
  query,
  ready,
  rowDescription,
  suspended,
  sync,
} from '../support/messages.js'
import { KeptSession } from './kept-session.js'

/** What the client of `audit.durability: ack` is shown, and when. */

const select = 'SELECT secret FROM vault'
const rows = (count: number) => Array.from({ length: count }, () => dataRow('x'))

describe('rows', () => {
  it('of a whole answer wait for one record', async () => {
    const session = await KeptSession.authorized([select])
    session.client(query(select))
    session.server(rowDescription('secret'), ...rows(3), complete('SELECT 3'), ready())
    expect(session.shown).toBe('T')
    expect(session.records).toEqual(['SELECT success'])
    session.gate.keep()
    expect(session.shown).toBe('TDDDCZ')
  })

  it('of an answer that is not over wait for a start record, and then flow', async () => {
    const session = await KeptSession.authorized([select])
    session.client(query(select))
    session.server(rowDescription('secret'), ...rows(2))
    expect(session.shown).toBe('T')
    expect(session.records).toEqual(['SELECT start'])
    session.gate.keep(session.gate.records.length)
    expect(session.shown).toBe('TDD')
    // Neither of them is whole.
    session.server(rows(1)[0]?.subarray(0, 9) ?? Buffer.alloc(0))
    expect(session.shown).toBe('TDDD?')
    session.server(rows(1)[0]?.subarray(9) ?? Buffer.alloc(0), complete('SELECT 3').subarray(0, 7))
    expect(session.shown).toBe('TDDD')
    session.server(complete('SELECT 3').subarray(7), ready())
    expect(session.shown).toBe('TDDD')
    expect(session.records).toEqual(['SELECT start', 'SELECT success'])
    session.gate.keep()
    expect(session.shown).toBe('TDDDCZ')
  })

  it('wait within a transaction block, where completions do not', async () => {
    const insert = 'INSERT INTO vault VALUES (1)'
    const session = await KeptSession.authorized(['BEGIN', insert, select, 'COMMIT'])
    session.client(query('BEGIN'))
    session.server(complete('BEGIN'), ready('T'))
    session.client(query(insert))
    session.server(complete('INSERT 0 1'), ready('T'))
    expect(session.shown).toBe('CZCZ')
    session.client(query(select))
    session.server(rowDescription('secret'), ...rows(1), complete('SELECT 1'), ready('T'))
    expect(session.shown).toBe('CZCZT')
    session.gate.keep(session.gate.records.length)
    expect(session.shown).toBe('CZCZTDCZ')
    session.client(query('COMMIT'))
    session.server(complete('COMMIT'), ready())
    expect(session.shown).toBe('CZCZTDCZ')
    session.gate.keep()
    expect(session.shown).toBe('CZCZTDCZCZ')
  })

  it('wait for the parser when the start record needs it, and the completion may come first', async () => {
    const session = await KeptSession.authorized([select])
    session.facts.late = true
    session.client(query(select), query(select))
    session.server(rowDescription('secret'), ...rows(2))
    session.gate.keep()
    expect(session.shown).toBe('T')
    expect(session.records).toEqual([])
    session.server(complete('SELECT 2'), ready(), rowDescription('secret'), ...rows(1))
    expect(session.shown).toBe('T')
    session.facts.come()
    expect(session.records).toEqual(['SELECT success', 'SELECT start'])
    expect(session.shown).toBe('TDDCZTD')
  })

  it('of a statement that cannot be read wait, too', async () => {
    const unread = 'SELECT FROM FROM'
    const session = await KeptSession.authorized([unread, ''])
    session.client(query(unread))
    session.server(rowDescription('secret'), ...rows(1))
    expect(session.shown).toBe('T')
    expect(session.gate.records.at(-1)).toMatchObject({ phase: 'start', analysis: 'unparsed' })
    session.gate.keep()
    session.server(complete('SELECT 1'), ready())
    // A text without any statement that shows rows all the same.
    session.client(query(''))
    session.gate.keepNone()
    session.server(rowDescription('secret'), ...rows(1))
    expect(session.shown).toBe('TDCZT')
    expect(session.gate.records.at(-1)).toMatchObject({ phase: 'start' })
  })

  it('of the extended protocol, by a row limit and without a Sync', async () => {
    const session = await KeptSession.authorized([select])
    session.client(parse('', select), bind('', ''), execute('', 2), flush())
    session.server(parseComplete(), Buffer.from('2\0\0\0\x04'), ...rows(2), suspended())
    expect(session.shown).toBe('12')
    expect(session.records).toEqual(['SELECT suspended'])
    session.gate.keep(session.gate.records.length)
    expect(session.shown).toBe('12DDs')
    session.client(execute('', 0), sync())
    session.server(...rows(1))
    expect(session.records).toEqual(['SELECT suspended', 'SELECT start'])
    session.server(complete('SELECT 1'), ready())
    expect(session.shown).toBe('12DDs')
    session.gate.keep()
    expect(session.shown).toBe('12DDsDCZ')
  })

  it('of several statements of one Query wait for what is over, and for what runs', async () => {
    const text = 'INSERT INTO t VALUES (1); COMMIT; SELECT 1; SELECT 2'
    const session = await KeptSession.authorized([text])
    session.client(query(text))
    session.server(complete('INSERT 0 1'), complete('COMMIT'))
    expect(session.shown).toBe('')
    expect(session.records).toEqual(['INSERT success', 'COMMIT success'])
    session.server(rowDescription('a'), ...rows(1))
    expect(session.records.slice(2)).toEqual(['SELECT start'])
    session.gate.keep(session.gate.records.length)
    expect(session.shown).toBe('CCTD')
    session.server(
      complete('SELECT 1'),
      rowDescription('b'),
      ...rows(1),
      complete('SELECT 1'),
      ready(),
    )
    expect(session.shown).toBe('CCTD')
    expect(session.records.slice(3)).toEqual(['SELECT success', 'SELECT success'])
    const counters = session.gate.records.flatMap(({ statement }) => statement?.['id'] ?? [])
    expect(counters).toEqual([1, 2, 3, 3, 4])
    session.gate.keep()
    expect(session.shown).toBe('CCTDCTDCZ')
  })

  it('pass at once where no rule wants a record of them', async () => {
    const rules = [{ name: 'ddl', class: ['DDL'] }]
    const session = await KeptSession.authorized([select, 'DROP TABLE vault'], { rules })
    session.client(query(select))
    session.server(rowDescription('secret'), ...rows(1))
    session.server(complete('SELECT 1'), ready())
    expect(session.shown).toBe('TDCZ')
    session.client(query('DROP TABLE vault'))
    session.server(complete('DROP TABLE'), ready())
    expect(session.shown).toBe('TDCZ')
  })

  it('are recorded before their end where a rule asks for success, and not where for failure', async () => {
    for (const [outcome, expected] of [
      ['success', ['SELECT start']],
      ['failure', []],
    ] as const) {
      const rules = [{ name: 'some', outcome: [outcome] }]
      const session = await KeptSession.authorized([select], { rules })
      session.client(query(select))
      session.server(rowDescription('secret'), ...rows(1))
      expect(session.records).toEqual(expected)
      expect(session.shown).toBe(outcome === 'success' ? 'T' : 'TD')
    }
  })
})

describe('other answers that show something', () => {
  it.each([
    ['COPY data', 'COPY t TO STDOUT', [copyOutResponse(), copyData('1\n')], 'H', 'COPY'],
    ['notices', 'DO $$ $$', [notice('a secret')], '', 'DO'],
  ])('%s', async (_name, text, messages, before, command) => {
    const session = await KeptSession.authorized([text])
    session.client(query(text))
    session.server(...messages)
    expect(session.shown).toBe(before)
    expect(session.records).toEqual([`${command} start`])
    session.gate.keep()
    expect(session.shown).toHaveLength(messages.length)
  })

  it('the result of a function call', async () => {
    const session = await KeptSession.authorized([])
    session.client(functionCall(1598))
    session.server(functionResult('secret'))
    expect(session.shown).toBe('')
    expect(session.records).toEqual(['FUNCTION CALL start'])
    session.server(ready())
    expect(session.records).toEqual(['FUNCTION CALL start', 'FUNCTION CALL success'])
    session.gate.keep()
    expect(session.shown).toBe('VZ')
  })

  it('a replication stream, from its start record on', async () => {
    const text = 'START_REPLICATION 0/1'
    const session = await KeptSession.authorized(['SELECT 1'], {}, { replication: 'true' })
    session.client(query(text))
    session.server(copyBothResponse(), copyData('wal'))
    expect(session.shown).toBe('W')
    expect(session.records).toEqual(['START_REPLICATION start'])
    session.gate.keep(session.gate.records.length)
    session.server(copyData('wal'), copyData('wal'))
    expect(session.shown).toBe('Wddd')
    session.server(copyDone(), complete('START_STREAMING'), complete('START_REPLICATION'), ready())
    session.gate.keep()
    expect(session.shown).toBe('WdddcCCZ')
  })

  it('an error in a block, whose words quote values', async () => {
    const session = await KeptSession.authorized(['BEGIN', select])
    session.client(query('BEGIN'))
    session.server(complete('BEGIN'), ready('T'))
    session.client(query(select))
    session.server(failure('22P02', 'invalid input: "secret"'))
    expect(session.shown).toBe('CZ')
    session.server(ready('E'))
    expect(session.records).toEqual(['BEGIN success', 'SELECT failure'])
    expect(session.shown).toBe('CZ')
    session.gate.keep()
    expect(session.shown).toBe('CZEZ')
  })

  it('an error that is too long to be kept', async () => {
    const session = await KeptSession.authorized([select])
    session.client(query(select))
    const error = failure('22P02', 'x'.repeat(100_000))
    session.server(error.subarray(0, 80_000))
    expect(session.shown).toBe('')
    expect(session.records).toEqual(['SELECT start'])
    session.gate.keep(session.gate.records.length)
    expect(session.shown).toBe('E?')
    session.server(error.subarray(80_000), ready())
    expect(session.records).toEqual(['SELECT start', 'SELECT failure'])
    session.gate.keep()
    expect(session.shown).toBe('EZ')
  })
})

describe('the end of a transaction', () => {
  const update = 'UPDATE t SET a = 1'

  it.each([
    ['COMMIT', 'COMMIT'],
    ['ROLLBACK', 'ROLLBACK'],
    ["PREPARE TRANSACTION 'x'", 'PREPARE TRANSACTION'],
    ['COMMIT AND CHAIN', 'COMMIT'],
    ['COMMIT', 'ROLLBACK'],
  ])('of a block waits: %s answered %s', async (text, tag) => {
    const session = await KeptSession.authorized(['BEGIN', update, text])
    session.client(query('BEGIN'), query(update), query(text))
    session.server(complete('BEGIN'), ready('T'), complete('UPDATE 1'), ready('T'))
    expect(session.shown).toBe('CZCZ')
    session.server(complete(tag), ready(text.includes('CHAIN') ? 'T' : 'I'))
    expect(session.shown).toBe('CZCZ')
    session.gate.keep()
    expect(session.shown).toBe('CZCZCZ')
  })

  it.each([
    [update, 'UPDATE 1'],
    ["COMMIT PREPARED 'x'", 'COMMIT PREPARED'],
    ['CALL works()', 'CALL'],
    ['DO $$ BEGIN COMMIT; END $$', 'DO'],
    ['VACUUM t', 'VACUUM'],
  ])('outside of a block waits: %s', async (text, tag) => {
    const session = await KeptSession.authorized([text])
    session.client(query(text))
    session.server(complete(tag))
    expect(session.shown).toBe('')
    expect(session.records).toHaveLength(1)
    session.server(ready())
    session.gate.keep()
    expect(session.shown).toBe('CZ')
  })

  it('by an error waits, and that is told before the client goes on', async () => {
    const session = await KeptSession.authorized([update])
    session.client(parse('', update), flush())
    // The client may wait for this before it sends its Sync.
    session.server(failure('42P01', 'no such table'))
    expect(session.records).toEqual(['UPDATE failure'])
    expect(session.shown).toBe('')
    session.gate.keep(session.gate.records.length)
    expect(session.shown).toBe('E')
    session.client(sync())
    session.server(ready())
    expect(session.shown).toBe('EZ')
  })

  it('by a deferred constraint waits for the records of both', async () => {
    const session = await KeptSession.authorized([update])
    session.client(ask(update), sync())
    session.server(done('UPDATE 1'))
    expect(session.shown).toBe('12')
    session.gate.keep(session.gate.records.length)
    expect(session.shown).toBe('12C')
    session.server(failure('23503'))
    expect(session.shown).toBe('12C')
    session.server(ready())
    expect(session.records).toEqual(['UPDATE success', ' failure', 'transaction end failure'])
    session.gate.keep(session.gate.records.length - 1)
    expect(session.shown).toBe('12C')
    session.gate.keep(session.gate.records.length)
    expect(session.shown).toBe('12CEZ')
  })

  it('by the end of the session waits for the record of the transaction', async () => {
    const session = await KeptSession.authorized(['BEGIN', update])
    session.client(query('BEGIN'), query(update))
    session.server(complete('BEGIN'), ready('T'), complete('UPDATE 1'), ready('T'))
    session.server(failure('57P01', 'terminating connection', 'FATAL'))
    session.gate.keep()
    expect(session.shown).toBe('CZCZ')
    session.gate.keepNone()
    session.tap.serverEnded()
    expect(session.records.at(-1)).toBe('transaction end failure')
    expect(session.shown).toBe('CZCZ')
    session.gate.keep()
    expect(session.shown).toBe('CZCZE')
  })

  it('by the end of the server in the middle of rows leaves nothing behind', async () => {
    const session = await KeptSession.authorized([select])
    session.client(query(select))
    session.facts.late = true
    session.server(rowDescription('secret'), ...rows(1), complete('SELECT 1').subarray(0, 8))
    session.tap.serverEnded()
    expect(session.records).toEqual(['SELECT start', 'SELECT unknown'])
    expect(session.tap.answers?.holds).toBe(true)
    session.gate.keep()
    expect(session.tap.answers?.holds).toBe(false)
    expect(session.shown).toBe('TD')
  })
})

describe('what does not wait', () => {
  it('is what the client needs to go on with a COPY', async () => {
    const text = 'COPY t FROM STDIN'
    const session = await KeptSession.authorized([text])
    session.client(query(text))
    session.server(copyInResponse())
    expect(session.shown).toBe('G')
    session.client(copyData('1\n'), copyDone())
    session.server(complete('COPY 1'), ready())
    expect(session.shown).toBe('G')
    session.gate.keep()
    expect(session.shown).toBe('GCZ')
  })

  it('is an answer to nothing, and what a statement is before it runs', async () => {
    const session = await KeptSession.authorized(['', select])
    session.client(query(''))
    session.server(empty(), ready())
    session.client(parse('s', select), sync())
    session.server(parseComplete(), ready())
    expect(session.shown).toBe('IZ1Z')
  })
})

describe('the login', () => {
  it('is over for the client when its record is safe', async () => {
    const session = await KeptSession.of([])
    session.gate.keepNone()
    session.server(ready())
    expect(session.shown).toBe('')
    expect(session.gate.records.at(-1)?.command).toBe('connection authorized')
    session.gate.keep()
    expect(session.shown).toBe('Z')
  })
})

describe('a pipeline', () => {
  it('of many statements passes in order, as far as the trail is', async () => {
    const texts = [
      'INSERT INTO t VALUES (1)',
      'INSERT INTO t VALUES (2)',
      'INSERT INTO t VALUES (3)',
    ]
    const session = await KeptSession.authorized(texts)
    for (const text of texts) session.client(ask(text), sync())
    const before = session.gate.records.length
    for (const _ of texts) session.server(done('INSERT 0 1'), ready())
    expect(session.shown).toBe('12')
    session.gate.keep(before + 1)
    expect(session.shown).toBe('12CZ12')
    // What came while it waited goes together.
    session.gate.keep(before + 3)
    expect(session.shown).toBe('12CZ12CZ12CZ')
    expect(session.tap.answers?.holds).toBe(false)
  })
})

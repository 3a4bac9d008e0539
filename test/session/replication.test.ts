import { describe, expect, it } from 'vitest'
import type { Execution } from '../../src/session/execution.js'
import {
  client,
  closed,
  Dialogue,
  type ExpectOptions,
  expectReports,
  type Step,
  server,
} from '../support/dialogue.js'
import {
  bind,
  complete,
  copyBothResponse,
  copyData,
  copyDone,
  copyFail,
  copyInResponse,
  copyOutResponse,
  dataRow,
  execute,
  failure,
  functionCall,
  parse,
  query,
  ready,
  rowDescription,
  sync,
  terminate,
} from '../support/messages.js'

/** What crossed, and what the statement is taken for. */
const show = ({ statement, bytes_in, bytes_out, copied_out, status }: Execution) =>
  [
    statement?.class ?? '-',
    statement?.command || '-',
    status === 'parsed' ? '' : status,
    `in ${bytes_in} out ${bytes_out}${copied_out ? ' copied' : ''}`,
  ]
    .filter((part) => part !== '')
    .join(' ')

const expectReplication = (
  steps: readonly Step[],
  golden: string,
  options: ExpectOptions = {},
): Promise<void> => expectReports(steps, golden, { replication: true, show, ...options })

const results = (...values: readonly string[]) =>
  Buffer.concat([rowDescription('a'), ...values.map((value) => dataRow(value)), complete('SELECT')])

describe('a replication command', () => {
  it('is one record each, with its rows and its own tag', async () => {
    await expectReplication(
      [
        client(query('IDENTIFY_SYSTEM'), query('SHOW work_mem;')),
        server(rowDescription('systemid'), dataRow('7'), complete('IDENTIFY_SYSTEM'), ready()),
        server(rowDescription('work_mem'), dataRow('4MB'), complete('SHOW'), ready()),
        client(query('CREATE_REPLICATION_SLOT s PHYSICAL')),
        server(
          rowDescription('slot_name'),
          dataRow('s'),
          complete('CREATE_REPLICATION_SLOT'),
          ready(),
        ),
        client(query('DROP_REPLICATION_SLOT s')),
        server(complete('DROP_REPLICATION_SLOT'), ready()),
      ],
      `1 1 replication success IDENTIFY_SYSTEM - 1 "IDENTIFY_SYSTEM" tx 1/idle MISC IDENTIFY_SYSTEM in -1 out 7
       2 2 replication success SHOW - 1 "SHOW work_mem" tx 2/idle MISC SHOW in -1 out 9
       3 3 replication success CREATE_REPLICATION_SLOT - 1 "CREATE_REPLICATION_SLOT s PHYSICAL" tx 3/idle MISC CREATE_REPLICATION_SLOT in -1 out 7
       4 4 replication success DROP_REPLICATION_SLOT - 0 "DROP_REPLICATION_SLOT s" tx 4/idle MISC DROP_REPLICATION_SLOT in -1 out 0`,
    )
  })

  it('is SQL on an ordinary connection', async () => {
    await expectReports(
      [client(query('SHOW work_mem')), server(dataRow('4MB'), complete('SHOW'), ready())],
      '1 1 simple success SHOW - 1 "SHOW work_mem" tx 1/idle',
    )
  })

  it('stands beside SQL in the same session, whose statements are counted as ever', async () => {
    await expectReplication(
      [
        client(query('BEGIN; SELECT 1'), query('IDENTIFY_SYSTEM'), query('show work_mem')),
        server(complete('BEGIN'), dataRow('1'), complete('SELECT 1'), ready('T')),
        server(dataRow('7'), complete('IDENTIFY_SYSTEM'), ready('T')),
        server(dataRow('4MB'), complete('SHOW'), ready('T')),
        client(query('COMMIT')),
        server(complete('COMMIT'), ready()),
      ],
      `1 1 simple success BEGIN - 0 "BEGIN" tx 1/idle MISC BEGIN in -1 out 0
       2 2 simple success SELECT 1 - 1 "SELECT 1" tx 1/open READ SELECT in -1 out 7
       3 3 replication success IDENTIFY_SYSTEM - 1 "IDENTIFY_SYSTEM" tx 1/open MISC IDENTIFY_SYSTEM in -1 out 7
       4 4 simple success SHOW - 1 "show work_mem" tx 1/open MISC SHOW in -1 out 9
       5 5 simple success COMMIT - 0 "COMMIT" tx 1/open MISC COMMIT in -1 out 0`,
    )
  })

  it('that the server refuses is a failure of its own, and the session goes on', async () => {
    await expectReplication(
      [
        client(
          query('SHOW TIME ZONE'),
          query('DROP_REPLICATION_SLOT s'),
          query('SELECT 1; SELECT 2'),
        ),
        server(failure('42601'), ready(), failure('42704'), ready(), failure('0A000'), ready()),
        client(query('IDENTIFY_SYSTEM')),
        server(complete('IDENTIFY_SYSTEM'), ready()),
      ],
      `1 1 replication failure - 42601 0 "SHOW TIME ZONE" tx 1/idle WRITE SHOW syntax_error in -1 out 0
       2 2 replication failure - 42704 0 "DROP_REPLICATION_SLOT s" tx 2/idle MISC DROP_REPLICATION_SLOT in -1 out 0
       3 3 simple failure - 0A000 0 "SELECT 1" tx 3/idle READ SELECT in -1 out 0
       4 4 simple skipped - - 0 "SELECT 2" tx 3/idle READ SELECT in -1 out 0
       5 5 replication success IDENTIFY_SYSTEM - 0 "IDENTIFY_SYSTEM" tx 4/idle MISC IDENTIFY_SYSTEM in -1 out 0`,
    )
  })

  it('that we cannot read is one record with the worst class when the server takes it', async () => {
    await expectReplication(
      [
        client(query('BASE_BACKUP BY TELEPATHY')),
        server(
          results('0/1'),
          copyOutResponse(),
          copyData('tar'),
          copyDone(),
          complete('BASE_BACKUP'),
          ready(),
        ),
      ],
      '1 1 replication success BASE_BACKUP - 1 "BASE_BACKUP BY TELEPATHY" tx 1/idle WRITE BASE_BACKUP syntax_error in -1 out 12 copied',
    )
  })
})

describe('BASE_BACKUP', () => {
  const asked = client(query("BASE_BACKUP (LABEL 'x')"))
  const begins = server(
    results('0/28', '1'),
    results('', 'base'),
    copyOutResponse(),
    copyData('0123456789'),
  )

  it('answers several times and is one record', async () => {
    await expectReplication(
      [
        asked,
        begins,
        server(copyData('01'), copyDone(), results('0/29', '1'), complete('BASE_BACKUP'), ready()),
      ],
      `1 1 replication success BASE_BACKUP - 6 "BASE_BACKUP (LABEL 'x')" tx 1/idle BACKUP BASE_BACKUP in -1 out 62 copied`,
    )
  })

  it('may fail in the middle, when part of the data has gone out', async () => {
    await expectReplication(
      [asked, begins, server(failure('58P01'), ready())],
      `1 1 replication failure - 58P01 4 "BASE_BACKUP (LABEL 'x')" tx 1/idle BACKUP BASE_BACKUP in -1 out 43 copied`,
    )
  })

  it('may be cancelled, or cut off with the session', async () => {
    await expectReplication(
      [
        asked,
        begins,
        server(failure('57014'), ready()),
        asked,
        begins,
        server(failure('57P01', 'ended', 'FATAL')),
        closed,
      ],
      `1 1 replication cancelled - 57014 4 "BASE_BACKUP (LABEL 'x')" tx 1/idle BACKUP BASE_BACKUP in -1 out 43 copied
       2 2 replication failure - 57P01 4 "BASE_BACKUP (LABEL 'x')" tx 2/idle BACKUP BASE_BACKUP in -1 out 43 copied`,
    )
  })

  it('is not complete by the tags of its parts when the connection is lost', async () => {
    await expectReplication(
      [asked, begins, server(copyDone(), results('0/29')), client(terminate()), closed],
      `1 1 replication unknown - - 5 "BASE_BACKUP (LABEL 'x')" tx 1/idle BACKUP BASE_BACKUP in -1 out 53`,
    )
    await expectReplication(
      [asked, begins, server(copyDone(), results('0/29'), complete('BASE_BACKUP')), closed],
      `1 1 replication success BASE_BACKUP - 5 "BASE_BACKUP (LABEL 'x')" tx 1/idle BACKUP BASE_BACKUP in -1 out 53 copied
       transaction end: unknown, connection ended, -, tx 1/idle, 1 recorded`,
    )
  })
})

describe('UPLOAD_MANIFEST', () => {
  it('counts what the client sends, and a CopyFail fails it', async () => {
    await expectReplication(
      [
        client(query('UPLOAD_MANIFEST')),
        server(copyInResponse()),
        client(copyData('{}'), sync(), copyDone()),
        server(complete('UPLOAD_MANIFEST'), ready()),
        client(query('UPLOAD_MANIFEST')),
        server(copyInResponse()),
        client(copyData('{'), copyFail('changed my mind')),
        server(failure('57014'), ready()),
      ],
      `1 1 replication success UPLOAD_MANIFEST - 0 "UPLOAD_MANIFEST" tx 1/idle BACKUP UPLOAD_MANIFEST in 2 out 0
       2 2 replication failure - 57014 0 "UPLOAD_MANIFEST" tx 2/idle BACKUP UPLOAD_MANIFEST in 1 out 0`,
    )
  })
})

describe('START_REPLICATION', () => {
  const text = 'START_REPLICATION SLOT s LOGICAL 0/0'
  const asked = client(query(text))
  const streams = server(copyBothResponse(), copyData('wal'))
  const feedback = client(copyData('r12345'))

  it('streams both ways until both sides are done, and answers twice', async () => {
    await expectReplication(
      [
        asked,
        streams,
        feedback,
        server(copyData('walwal')),
        client(copyData('r1'), copyDone(), query('IDENTIFY_SYSTEM')),
        server(copyDone(), complete('COPY 0'), complete('START_REPLICATION'), ready()),
        server(dataRow('7'), complete('IDENTIFY_SYSTEM'), ready()),
      ],
      `1 1 replication success START_REPLICATION - 0 "${text}" tx 1/idle READ START_REPLICATION in 8 out 9
       2 2 replication success IDENTIFY_SYSTEM - 1 "IDENTIFY_SYSTEM" tx 2/idle MISC IDENTIFY_SYSTEM in -1 out 7`,
    )
  })

  it('ends at the end of a timeline with the next one, begun by the server', async () => {
    await expectReplication(
      [
        client(query('START_REPLICATION 0/1 TIMELINE 1')),
        streams,
        feedback,
        server(copyDone()),
        client(copyDone()),
        server(results('2'), complete('START_STREAMING'), complete('START_REPLICATION'), ready()),
      ],
      `1 1 replication success START_REPLICATION - 1 "START_REPLICATION 0/1 TIMELINE 1" tx 1/idle READ START_REPLICATION in 6 out 10`,
    )
  })

  it('without anything to stream says so at once', async () => {
    await expectReplication(
      [
        client(query('START_REPLICATION 0/1 TIMELINE 1')),
        server(results('2'), complete('START_STREAMING'), complete('START_REPLICATION'), ready()),
      ],
      `1 1 replication success START_REPLICATION - 1 "START_REPLICATION 0/1 TIMELINE 1" tx 1/idle READ START_REPLICATION in -1 out 7`,
    )
  })

  it('may fail before it streams, and in the middle', async () => {
    await expectReplication(
      [
        asked,
        server(failure('55006'), ready()),
        asked,
        streams,
        feedback,
        server(failure('58P01'), ready()),
      ],
      `1 1 replication failure - 55006 0 "${text}" tx 1/idle READ START_REPLICATION in -1 out 0
       2 2 replication failure - 58P01 0 "${text}" tx 2/idle READ START_REPLICATION in 6 out 3`,
    )
  })

  it('does not take what is no standby message, and the session ends', async () => {
    await expectReplication(
      [
        asked,
        streams,
        client(query('SELECT 1')),
        server(failure('08P01', 'invalid', 'FATAL')),
        closed,
      ],
      `1 1 replication failure - 08P01 0 "${text}" tx 1/idle READ START_REPLICATION in 0 out 3
       2 2 simple skipped - - 0 "SELECT 1" tx 1/idle READ SELECT in -1 out 0`,
    )
  })

  it('that the client just leaves tells what had crossed until then', async () => {
    for (const end of [client(terminate()), client()]) {
      await expectReplication(
        [asked, streams, feedback, end, closed],
        `1 1 replication unknown - - 0 "${text}" tx 1/idle READ START_REPLICATION in 6 out 3`,
      )
    }
  })

  it('can be told while it runs', async () => {
    const dialogue = new Dialogue({ replication: true })
    for (const step of [asked, streams, feedback]) await dialogue.play(step)
    expect(dialogue.interpreter.running()).toMatchObject({
      id: 1,
      protocol: 'replication',
      statement: { command: 'START_REPLICATION', class: 'READ' },
    })
    expect(dialogue.conversation.copying).toBe(true)
    expect(dialogue.client.stopped).toBe(false)
  })
})

describe('the extended protocol and FunctionCall', () => {
  it('are refused on a replication connection, each as what it was', async () => {
    await expectReplication(
      [
        client(parse('', 'DELETE FROM t'), bind('', ''), execute(), sync(), functionCall(954)),
        server(failure('08P01'), ready(), failure('08P01'), ready()),
        client(query('IDENTIFY_SYSTEM')),
        server(complete('IDENTIFY_SYSTEM'), ready()),
      ],
      `1 1 extended/Parse failure - 08P01 0 "DELETE FROM t" tx 1/idle WRITE DELETE in -1 out 0
       2 2 function/FunctionCall failure - 08P01 0 "" tx 2/idle - - in -1 out 0
       3 3 replication success IDENTIFY_SYSTEM - 0 "IDENTIFY_SYSTEM" tx 3/idle MISC IDENTIFY_SYSTEM in -1 out 0`,
    )
  })
})

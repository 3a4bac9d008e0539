import { expect, test } from 'vitest'
import { LateRecords } from '../../src/auditor/late-records.js'
import type { SessionCatalog, Unsettled } from '../../src/catalog/names.js'
import { Fifo } from '../../src/lib/fifo.js'
import type { Conversation } from '../../src/session/conversation.js'
import { type SessionEvent, unasked } from '../../src/session/requests.js'
import type { SessionState } from '../../src/session/session-state.js'
import type { TextFacts } from '../../src/sql/facts.js'

/** What the answers that wait tell of the changes of a session. */

function late(uncommitted: Unsettled = 'nothing') {
  const told: Unsettled[] = []
  const names = {
    uncommitted,
    setLagging: () => {},
    setUnsettled: (what: Unsettled) => told.push(what),
  }
  const events = new Fifo<SessionEvent>()
  const state = { statements: new Map(), portals: new Map() }
  const records = new LateRecords(
    { events } as unknown as Conversation,
    state as unknown as SessionState,
    names as unknown as SessionCatalog,
  )
  return { events, told, records }
}

function query(text: string, ...tags: string[]): SessionEvent {
  const ticket: { facts: TextFacts | undefined } = { facts: undefined }
  return {
    kind: 'query',
    text: { text, ticket },
    completions: tags.map((tag) => ({ kind: 'complete', tag })),
    ...unasked(0),
  } as unknown as SessionEvent
}

const ready = (status: 'I' | 'T'): SessionEvent => ({ kind: 'ready', status, ...unasked(0) })

test.each<[string, SessionEvent[], Unsettled, Unsettled]>([
  ['a select', [query('select 1', 'SELECT 1'), ready('I')], 'nothing', 'nothing'],
  ['a select that may make a table', [query('select 1 into t', 'SELECT 1')], 'nothing', 'names'],
  ['what failed', [query('create table t ()', '')], 'nothing', 'nothing'],
  ['a table', [query('?', 'INSERT 0 1', 'CREATE TABLE')], 'nothing', 'names'],
  ['rights', [query('?', 'GRANT')], 'nothing', 'names'],
  [
    'a schema behind a table',
    [query('?', 'DROP TABLE'), query('?', 'CREATE SCHEMA')],
    'nothing',
    'schemas',
  ],
  ['a COMMIT of nothing', [query('commit', 'COMMIT'), ready('I')], 'nothing', 'nothing'],
  ['a COMMIT of something', [query('commit', 'COMMIT')], 'names', 'names'],
  ['the end of an implicit transaction', [ready('I')], 'schemas', 'schemas'],
  ['no end', [ready('T')], 'schemas', 'nothing'],
  [
    'a transaction that was not prepared here',
    [query('?', 'COMMIT PREPARED')],
    'nothing',
    'schemas',
  ],
])('%s', (_, waiting, uncommitted, expected) => {
  const { events, told, records } = late(uncommitted)
  for (const event of waiting) {
    events.push(event)
    records.tell(true, undefined)
  }
  expect(told.at(-1)).toBe(expected)
  records.reset()
  records.tell(true, undefined)
  expect(told.at(-1)).toBe(expected)
  records.tell(false, undefined)
  expect(told.at(-1)).toBe('nothing')
})

test('a Query of very many statements is gone through once, however often its session waits', () => {
  const { events, told, records } = late()
  let read = 0
  const completion = {
    kind: 'complete',
    get tag() {
      read += 1
      return 'INSERT 0 1'
    },
  }
  const event = query('?')
  events.push({ ...event, completions: Array(1_000).fill(completion) } as SessionEvent)
  for (let turn = 0; turn < 100; turn += 1) {
    records.reset()
    records.tell(true, undefined)
  }
  expect([read, told.at(-1)]).toEqual([1_000, 'nothing'])
})

import { expect, it } from 'vitest'
import { limits } from '../../src/lib/limits.js'
import { handFedAuditor } from '../support/hand-fed-auditor.js'
import {
  complete,
  copyBothResponse,
  copyData,
  copyDone,
  query,
  ready,
} from '../support/messages.js'

async function sessionOf() {
  const fed = await handFedAuditor(['SELECT 1'], { audit: { start_after: '1s' } })
  const session = fed.session({ user: 'copier', replication: 'on' })
  const commands = () =>
    fed.state.lines.map((line) =>
      /"command":"([^"]*)"(,"phase":"start")?/.exec(line)?.slice(1).join(''),
    )
  return { ...fed, session, commands }
}

it('lets a stream go on both ways while the trail is full, and holds what comes after it', async () => {
  const { auditor, session, state, time, commands, records } = await sessionOf()
  const asked = query('START_REPLICATION 0/1')
  expect(session.fromClient(asked, 0)).toBe(asked.length)
  session.fromServer(Buffer.concat([copyBothResponse(), copyData('wal')]), 0)
  const before = commands()

  state.room = false
  time.now_us = 2_000_000
  auditor.tick()
  // The start record found no room.
  expect(state.waiting).toHaveLength(1)
  const wal = copyData(Buffer.alloc(1000))
  const feedback = copyData(`r${'x'.repeat(33)}`)
  const count = limits.pending_requests * 2
  for (let round = 0; round < count; round++) {
    expect(session.fromServer(wal, 0)).toBe(wal.length)
    expect(session.fromClient(feedback, 0)).toBe(feedback.length)
    expect([session.holdsServer, session.holdsClient]).toEqual([false, false])
  }

  const end = Buffer.concat([copyDone(), query('IDENTIFY_SYSTEM')])
  expect(session.fromClient(end, 0)).toBe(end.length)
  const over = Buffer.concat([
    copyDone(),
    complete('START_STREAMING'),
    complete('START_REPLICATION'),
  ])
  session.fromServer(Buffer.concat([over, ready()]), 0)
  expect([session.holdsServer, session.holdsClient]).toEqual([true, true])
  session.fromServer(Buffer.concat([complete('IDENTIFY_SYSTEM'), ready()]), 0)
  expect(commands()).toEqual(before)

  state.room = true
  state.waiting.shift()?.()
  expect(commands()).toEqual([
    ...before,
    'START_REPLICATION,"phase":"start"',
    'START_REPLICATION',
    'IDENTIFY_SYSTEM',
  ])
  const bytes = { bytes_in: count * 34, bytes_out: 3 + count * 1000 }
  expect(records().at(-2)).toMatchObject(bytes)
  expect([session.holdsServer, session.holdsClient]).toEqual([false, false])
})

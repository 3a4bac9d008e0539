import { describe, expect, it } from 'vitest'
import { limits } from '../../src/lib/limits.js'
import { client, Dialogue, type Step, server } from '../support/dialogue.js'
import {
  ask,
  bind,
  bindComplete,
  complete,
  copyInResponse,
  execute,
  failure,
  flush,
  message,
  parse,
  parseComplete,
  query,
  ready,
  sync,
} from '../support/messages.js'

const analysed_bytes = 16 * 1024 * 1024

/** Facts never come here: the parser has no part in pausing. */
const open = () => new Dialogue({ analysed_bytes, facts: 'late' })

function bytesOf(step: Step): Buffer {
  return step.from === 'nobody' ? Buffer.alloc(0) : step.bytes
}

const repeated = (count: number, bytes: Buffer) => Buffer.concat(Array(count).fill(bytes))

describe('a client', () => {
  it('waits with 4,096 requests outstanding, and goes on when one is answered', async () => {
    const dialogue = open()
    const one = query('SELECT 1')
    const all = repeated(limits.pending_requests + 10, one)
    const taken = await dialogue.play(client(all))
    expect(taken).toBe(limits.pending_requests * one.length)
    expect(dialogue.client.stopped).toBe(true)
    await dialogue.play(server(complete('SELECT 1'), ready()))
    expect(dialogue.client.stopped).toBe(false)
    expect(await dialogue.play(client(all.subarray(taken)))).toBe(one.length)
  })

  it('waits with that many in a pipeline without a Sync: their answers fill the buffer', async () => {
    const dialogue = open()
    const all = repeated(limits.pending_requests, bind('', 's'))
    await dialogue.play(client(all))
    expect(dialogue.client.stopped).toBe(true)
    // At least this many answers of five bytes cannot stay in a buffer of 8 KiB.
    expect(limits.pending_requests * 5).toBeGreaterThan(2 * 8192)
  })

  it('waits while 16 MiB of text are outstanding', async () => {
    const dialogue = open()
    const one = query(`SELECT '${'x'.repeat(5 * 1024 * 1024)}'`)
    expect(await dialogue.play(client(one, one, one))).toBe(2 * one.length)
    expect(dialogue.client.stopped).toBe(true)
    await dialogue.play(server(complete('SELECT 1'), ready()))
    expect(dialogue.client.stopped).toBe(false)
  })

  it('never waits for answers that the server keeps until a Flush or Sync', async () => {
    for (const end of [sync(), flush()]) {
      const dialogue = open()
      const pipeline = Buffer.concat([
        ask(`SELECT '${'x'.repeat(9 * 1024 * 1024)}'`),
        bind('', '', [Buffer.alloc(9 * 1024 * 1024)]),
        execute(),
        end,
      ])
      expect(await dialogue.play(client(pipeline, query('SELECT 2')))).toBe(pipeline.length)
      expect(dialogue.client.stopped).toBe(true)
      await dialogue.play(server(parseComplete(), bindComplete(), complete('SELECT 1')))
      expect(dialogue.client.stopped).toBe(false)
    }
  })

  it('may send without a Sync for ever: beyond 64 MiB its texts are hashed, not kept', async () => {
    const dialogue = open()
    const one = parse('', `SELECT '${'x'.repeat(4 * 1024 * 1024)}'`)
    for (let round = 0; round < 40; round++) {
      expect(await dialogue.play(client(one))).toBe(one.length)
    }
    expect(dialogue.client.stopped).toBe(false)
    expect(dialogue.conversation.owed_bytes).toBeLessThanOrEqual(limits.unanswered_bytes)
    const last = dialogue.conversation.owed.last()
    expect(last?.kind === 'parse' && last.text.sha256).toMatch(/^[0-9a-f]{64}$/)
  })

  it('never waits inside COPY IN, where Syncs are not remembered for ever (corner 14)', async () => {
    const dialogue = open()
    await dialogue.play(client(ask('COPY a FROM STDIN')))
    await dialogue.play(server(parseComplete(), bindComplete(), copyInResponse()))
    const all = repeated(3 * limits.pending_requests, sync())
    expect(await dialogue.play(client(all))).toBe(all.length)
    expect(dialogue.client.stopped).toBe(false)
    expect(dialogue.conversation.owed.length).toBeLessThanOrEqual(limits.pending_requests + 2)
  })

  it('does not wait for a ReadyForQuery that a failed COPY has swallowed', async () => {
    const dialogue = open()
    await dialogue.play(client(ask('COPY a FROM STDIN'), sync()))
    await dialogue.play(server(parseComplete(), bindComplete(), copyInResponse()))
    await dialogue.play(client(message('d', 'x'), message('c'), sync()))
    await dialogue.play(server(failure('22P02'), ready()))
    const large = parse('', `SELECT '${'x'.repeat(9 * 1024 * 1024)}'`)
    const rest = client(large, sync())
    expect(await dialogue.play(rest)).toBe(bytesOf(rest).length)
  })

  it('keeps no more of its values than a record may hold', async () => {
    const dialogue = new Dialogue({ analysed_bytes, parameter_max_bytes: 100, facts: 'late' })
    const large = Buffer.alloc(1024 * 1024, 0x61)
    await dialogue.play(client(bind('', 's', ['x', null, large, large])))
    const request = dialogue.conversation.owed.last()
    const bound = request?.kind === 'bind' ? request.bound : undefined
    expect(bound?.values.map((value) => value?.length)).toEqual([1, undefined, 99, 0])
    expect(bound?.cut).toBe(true)
    expect(request?.weight).toBeLessThan(1000)
  })

  it('keeps none where parameters are not recorded', async () => {
    const dialogue = new Dialogue({ record_parameters: false, facts: 'late' })
    await dialogue.play(client(bind('', 's', ['secret']), bind('', 's')))
    const [first, second] = [dialogue.conversation.owed.at(0), dialogue.conversation.owed.at(1)]
    expect(first?.kind === 'bind' && first.bound).toEqual({ formats: [], values: [], cut: true })
    expect(second?.kind === 'bind' && second.bound).toEqual({ formats: [], values: [], cut: false })
  })
})

describe('what the client says that is no protocol', () => {
  it.each([
    ['a message of the login', message('p', 'password\0')],
    ['a letter of nobody', message('!', '')],
    ['an Execute with an endless name', execute('x'.repeat(70_000))],
    ['a Query that is not terminated', message('Q', 'SELECT 1')],
    [
      'a Bind too long to keep, with endless names',
      message('B', Buffer.alloc(20 * 1024 * 1024, 0x61)),
    ],
  ])('is a violation: %s', async (_name, bytes) => {
    await expect(open().play(client(bytes))).rejects.toThrow(
      expect.objectContaining({ name: 'FramedViolation' }),
    )
  })

  it('is a violation: a FunctionCall too short for its OID, where nothing is kept', async () => {
    const dialogue = new Dialogue({ analysed_bytes: 1 })
    await expect(dialogue.play(client(message('F', '\0\0')))).rejects.toThrow(
      expect.objectContaining({ name: 'FramedViolation' }),
    )
  })
})

import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import {
  type FrameAction,
  FramedViolation,
  type FrameHandler,
  Framer,
} from '../../src/wire/framer.js'
import { ProtocolViolation } from '../../src/wire/protocol-violation.js'
import { feedChunks, forEveryCut } from '../support/feed.js'
import { message } from '../support/messages.js'

/** Writes down what it is told. Upper-case types are collected, lower-case ones passed. */
class Log implements FrameHandler {
  readonly lines: string[] = []
  readonly pieces: Buffer[] = []
  wants_pieces = false
  stop_after = Number.POSITIVE_INFINITY
  #messages = 0

  get stopped(): boolean {
    return this.#messages >= this.stop_after
  }

  header(type: number, body_length: number): FrameAction {
    const letter = String.fromCharCode(type)
    if (letter === '!') throw new ProtocolViolation('invalid type')
    this.lines.push(`${letter} ${body_length}`)
    return letter === letter.toUpperCase() ? 'collect' : 'pass'
  }

  piece(buffer: Buffer, start: number, end: number): void {
    this.pieces.push(Buffer.from(buffer.subarray(start, end)))
  }

  message(type: number, buffer: Buffer, start: number, end: number, body_length: number): void {
    this.#messages++
    const body = buffer.toString('latin1', start, end)
    if (body === 'bad body') throw new ProtocolViolation('invalid body')
    this.lines.push(`${String.fromCharCode(type)} ${body_length} = ${JSON.stringify(body)}`)
  }
}

const limit = 1024 * 1024

function header(letter: string, length: number): Buffer {
  const bytes = Buffer.alloc(5)
  bytes.write(letter, 0, 'latin1')
  bytes.writeInt32BE(length, 1)
  return bytes
}

/** The violation that feeding the chunks in order meets, and in which chunk. */
function violationOf(chunks: readonly Buffer[]): { chunk: number; error: FramedViolation } {
  const framer = new Framer(new Log(), limit)
  for (const [index, chunk] of chunks.entries()) {
    try {
      framer.feed(chunk, 0)
    } catch (error) {
      if (error instanceof FramedViolation) return { chunk: index, error }
      throw error
    }
  }
  throw new Error('no violation')
}

describe('the framer', () => {
  it('gives the same messages for any cuts', async () => {
    const stream = Buffer.concat([
      message('S'),
      message('Q', 'select 1\0'),
      message('d', 'data'),
      message('d'),
      message('P', 'x'.repeat(5000)),
      message('c'),
    ])
    await forEveryCut((cutting) => {
      const log = new Log()
      const framer = new Framer(log, limit)
      expect(feedChunks(framer, cutting.cut(stream))).toBe(stream.length)
      expect(framer.atBoundary).toBe(true)
      expect(log.lines).toEqual([
        'S 0',
        'S 0 = ""',
        'Q 9',
        'Q 9 = "select 1\\u0000"',
        'd 4',
        'd 4 = ""',
        'd 0',
        'd 0 = ""',
        'P 5000',
        `P 5000 = "${'x'.repeat(5000)}"`,
        'c 0',
        'c 0 = ""',
      ])
    })
  })

  it('gives the same messages for any valid sequence and any cuts (property)', () => {
    const messages = fc.array(
      fc.record({
        letter: fc.constantFrom(...'ABQSdfx'),
        body: fc.uint8Array({ maxLength: 300 }),
      }),
      { maxLength: 12 },
    )
    const cuts = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(messages, cuts, (sequence, sizes) => {
        const stream = Buffer.concat(
          sequence.map(({ letter, body }) => message(letter, Buffer.from(body))),
        )
        const chunks: Buffer[] = []
        for (let from = 0, index = 0; from < stream.length; index++) {
          const size = sizes[index % sizes.length] ?? 1
          chunks.push(stream.subarray(from, from + size))
          from += size
        }
        const log = new Log()
        feedChunks(new Framer(log, limit), chunks)
        const expected = sequence.flatMap(({ letter, body }) => {
          const kept = letter === letter.toUpperCase() ? Buffer.from(body).toString('latin1') : ''
          return [`${letter} ${body.length}`, `${letter} ${body.length} = ${JSON.stringify(kept)}`]
        })
        expect(log.lines).toEqual(expected)
      }),
    )
  })

  it('shows the pieces of a body that passes, when they are wanted', async () => {
    const body = Buffer.from('0123456789'.repeat(50))
    await forEveryCut((cutting) => {
      const log = new Log()
      log.wants_pieces = true
      feedChunks(new Framer(log, limit), cutting.cut(message('d', body)))
      expect(Buffer.concat(log.pieces).equals(body)).toBe(true)
    })
  })

  it('stops between two messages and resumes where it stopped', () => {
    const stream = Buffer.concat([message('Q', 'one'), message('S'), message('Q', 'three')])
    const log = new Log()
    const framer = new Framer(log, limit)
    log.stop_after = 1
    expect(framer.feed(stream, 0)).toBe(8)
    expect(framer.feed(stream, 8)).toBe(8)
    log.stop_after = 2
    expect(framer.feed(stream, 8)).toBe(13)
    log.stop_after = Number.POSITIVE_INFINITY
    expect(framer.feed(stream, 13)).toBe(stream.length)
    expect(log.lines.filter((line) => line.includes('='))).toEqual([
      'Q 3 = "one"',
      'S 0 = ""',
      'Q 5 = "three"',
    ])
  })

  it('does not stop inside a message', () => {
    const log = new Log()
    const framer = new Framer(log, limit)
    const stream = message('Q', 'one')
    framer.feed(stream.subarray(0, 6), 0)
    log.stop_after = 0
    expect(framer.atBoundary).toBe(false)
    expect(framer.feed(stream.subarray(6), 0)).toBe(2)
    expect(framer.feed(stream, 0)).toBe(0)
  })

  it.each([
    ['3', header('Q', 3)],
    ['0', header('Q', 0)],
    ['negative', header('Q', -1)],
    ['the least there is', header('Q', -(2 ** 31))],
    ['2 GiB', header('Q', 2 ** 31 - 1)],
    ['one more than the limit', header('Q', limit + 1)],
  ])('refuses a length of %s, and tells where the message begins', (_name, bad) => {
    const before = message('S')
    const { error } = violationOf([Buffer.concat([before, bad, message('Q', 'never seen')])])
    expect(error).toBeInstanceOf(ProtocolViolation)
    expect(error.message).toMatch(/^invalid length -?\d+ of message 'Q'$/)
    expect(error.offset).toBe(before.length)
  })

  it('takes a length at the limit, and holds only what has arrived of it', () => {
    const log = new Log()
    const framer = new Framer(log, 1024 * 1024 * 1024)
    const allocations = vi.spyOn(Buffer, 'allocUnsafe')
    framer.feed(header('Q', 1024 * 1024 * 1024), 0)
    framer.feed(Buffer.from('beginning'), 0)
    expect(allocations.mock.calls).toEqual([[1024]])
    allocations.mockRestore()
    expect(log.lines).toEqual([`Q ${1024 * 1024 * 1024 - 4}`])
  })

  it('tells where a message with an invalid type or body begins', () => {
    const good = message('Q', 'fine')
    for (const bad of [message('!', 'x'), message('Q', 'bad body')]) {
      const { error } = violationOf([Buffer.concat([good, bad, good])])
      expect(error.offset).toBe(good.length)
    }
  })

  it('gives the chunk beginning for a message that began in an earlier chunk', () => {
    const bad = message('Q', 'bad body')
    const { chunk, error } = violationOf([bad.subarray(0, 9), bad.subarray(9)])
    expect({ chunk, offset: error.offset }).toEqual({ chunk: 1, offset: 0 })
  })

  it('follows nothing after a violation', () => {
    const log = new Log()
    const framer = new Framer(log, limit)
    expect(() => framer.feed(header('Q', 3), 0)).toThrow(FramedViolation)
    expect(() => framer.feed(message('Q', 'select 1'), 0)).toThrow(FramedViolation)
    expect(log.lines).toEqual([])
  })

  it('lets errors of our own through as they are', () => {
    const log = new Log()
    log.message = () => {
      throw new RangeError('a defect')
    }
    expect(() => new Framer(log, limit).feed(message('S'), 0)).toThrow(RangeError)
  })

  it('gathers a body of chunks of one byte in linear time and space', () => {
    const body = Buffer.alloc(1024 * 1024, 0x78)
    const log = new Log()
    const framer = new Framer(log, 2 * body.length)
    const stream = message('Q', body)
    let gathered = 0
    log.message = (_type, _buffer, start, end) => {
      gathered = end - start
    }
    const allocations = vi.spyOn(Buffer, 'allocUnsafe')
    const chunk = Buffer.alloc(1)
    for (const byte of stream) {
      chunk[0] = byte
      framer.feed(chunk, 0)
    }
    const sizes = allocations.mock.calls.map(([size]) => size)
    allocations.mockRestore()
    expect(gathered).toBe(body.length)
    // Each doubling copies what is there: all of them together no more than twice the body.
    expect(sizes.length).toBe(11)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(2 * body.length)
  })
})

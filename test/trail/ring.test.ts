import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InvariantError } from '../../src/lib/assert.js'
import { createRing, RingConsumer, RingProducer, ringCapacity } from '../../src/trail/ring.js'

function take(consumer: RingConsumer): string {
  const target = Buffer.alloc(consumer.length)
  consumer.copyTo(target, 0)
  consumer.advance()
  return target.toString()
}

describe('ring', () => {
  it('gives back every record, whole and in order, whatever the sizes and the pace', () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constant('append' as const),
        text: fc.string({ unit: 'grapheme', maxLength: 80 }),
      }),
      fc.record({ do: fc.constant('read' as const) }),
      fc.record({ do: fc.constant('acknowledge' as const) }),
      fc.record({ do: fc.constant('rewind' as const) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const ring = createRing(512)
        const producer = new RingProducer(ring)
        const consumer = new RingConsumer(ring)
        const unacknowledged: string[] = []
        let read = 0
        for (const action of steps) {
          if (action.do === 'append') {
            if (producer.append(action.text)) unacknowledged.push(action.text)
            else expect(unacknowledged.length).toBeGreaterThan(0)
          } else if (action.do === 'read') {
            expect(consumer.peek()).toBe(read < unacknowledged.length)
            if (read < unacknowledged.length) expect(take(consumer)).toBe(unacknowledged[read++])
          } else if (action.do === 'acknowledge') {
            consumer.acknowledge(consumer.position)
            unacknowledged.splice(0, read)
            read = 0
          } else {
            consumer.rewind()
            read = 0
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  it('takes a record as large as itself from every position, and refuses a larger one', () => {
    const ring = createRing(1024)
    const largest = 'x'.repeat(ringCapacity(ring) - 16)
    for (let offset = 0; offset < 64; offset++) {
      const producer = new RingProducer(ring)
      const consumer = new RingConsumer(ring)
      expect(producer.append('y'.repeat(offset * 7))).toBe(true)
      consumer.peek()
      consumer.advance()
      consumer.acknowledge(consumer.position)
      // The first attempt may only have closed the end of the data; the reader passes that.
      const first = producer.append(largest)
      expect(consumer.peek()).toBe(first)
      expect(first || producer.append(largest)).toBe(true)
      expect(consumer.peek()).toBe(true)
      expect(take(consumer)).toBe(largest)
      consumer.acknowledge(consumer.position)
    }
    expect(() => new RingProducer(ring).append(`${largest}x`)).toThrow(InvariantError)
  })

  it('shows a successor the unacknowledged records with their numbers', () => {
    const ring = createRing(1024)
    const producer = new RingProducer(ring)
    for (const text of ['one', 'two', 'three']) producer.append(text)
    const first = new RingConsumer(ring)
    for (const seq of [7, 8]) {
      first.peek()
      first.stamp(seq)
      first.advance()
      if (seq === 7) first.acknowledge(first.position)
    }
    const second = new RingConsumer(ring)
    expect(second.highestStamp()).toBe(8)
    expect(second.peek()).toBe(true)
    expect(second.seq).toBe(8)
    expect(take(second)).toBe('two')
    expect(second.peek()).toBe(true)
    expect(second.seq).toBe(0)
    expect(take(second)).toBe('three')
    expect(second.peek()).toBe(false)
  })

  it('does not show the number of a former record in the same place', () => {
    const ring = createRing(256)
    const producer = new RingProducer(ring)
    const consumer = new RingConsumer(ring)
    for (let round = 1; round <= 50; round++) {
      expect(producer.append('z'.repeat(round % 40))).toBe(true)
      expect(consumer.peek()).toBe(true)
      expect(consumer.seq).toBe(0)
      consumer.stamp(round)
      consumer.advance()
      consumer.acknowledge(consumer.position)
    }
  })

  it('takes the acknowledgement of the same record again, behind padding that was passed', () => {
    const ring = createRing(256)
    const producer = new RingProducer(ring)
    const consumer = new RingConsumer(ring)
    expect(producer.append('a'.repeat(100))).toBe(true)
    expect(consumer.peek()).toBe(true)
    consumer.advance()
    const behind_first = consumer.position
    // Too long for what is left behind the first one: padding is published, the record is not.
    expect(producer.append('b'.repeat(150))).toBe(false)
    expect(consumer.peek()).toBe(false)
    consumer.acknowledge(behind_first)
    consumer.acknowledge(behind_first)
    expect(producer.append('b'.repeat(150))).toBe(true)
    expect(consumer.peek()).toBe(true)
    expect(consumer.length).toBe(150)
  })
})

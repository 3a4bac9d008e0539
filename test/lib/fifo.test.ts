import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Fifo } from '../../src/lib/fifo.js'

describe('a fifo', () => {
  it('agrees with an array, whatever is done to it', () => {
    const action = fc.oneof(
      { weight: 5, arbitrary: fc.constant('push' as const) },
      { weight: 4, arbitrary: fc.constant('shift' as const) },
      { weight: 1, arbitrary: fc.nat(300) },
    )
    fc.assert(
      fc.property(fc.array(action, { maxLength: 600 }), (actions) => {
        const fifo = new Fifo<number>()
        const model: number[] = []
        let next = 0
        for (const each of actions) {
          if (each === 'push') {
            fifo.push(next)
            model.push(next++)
          } else if (each === 'shift') {
            expect(fifo.shift()).toBe(model.shift())
          } else if (each < model.length) {
            fifo.removeAt(each)
            model.splice(each, 1)
          }
          expect(fifo.length).toBe(model.length)
          expect(fifo.peek()).toBe(model[0])
          expect(fifo.last()).toBe(model.at(-1))
          expect(fifo.at(3)).toBe(model[3])
        }
        fifo.clear()
        expect([fifo.length, fifo.shift(), fifo.peek(), fifo.last()]).toEqual([
          0,
          undefined,
          undefined,
          undefined,
        ])
      }),
    )
  })

  it('stays quick when it is never empty', () => {
    const fifo = new Fifo<number>()
    for (let value = 0; value < 1000; value++) fifo.push(value)
    let wrong = 0
    for (let value = 1000; value < 300_000; value++) {
      fifo.push(value)
      if (fifo.shift() !== value - 1000) wrong++
    }
    expect(wrong).toBe(0)
    expect(fifo.length).toBe(1000)
  })
})

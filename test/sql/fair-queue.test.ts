import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FairQueue, type Waiting } from '../../src/sql/fair-queue.js'

interface Item extends Waiting {
  readonly name: string
  waiting: boolean
}

function item(name: string, cost = 1): Item {
  return { name, cost, waiting: true }
}

function drained(queue: FairQueue<Item>): string[] {
  const names: string[] = []
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    next.waiting = false
    names.push(next.name)
  }
  return names
}

describe('FairQueue', () => {
  const [a, b, c] = [{}, {}, {}]

  it('serves askers in turn, each in its own order', () => {
    const queue = new FairQueue<Item>(1)
    for (let number = 0; number < 4; number++) queue.push(a, item(`a${number}`))
    for (let number = 0; number < 2; number++) queue.push(b, item(`b${number}`))
    queue.push(c, item('c0'))
    expect(drained(queue)).toEqual(['a0', 'b0', 'c0', 'a1', 'b1', 'a2', 'a3'])
    expect([queue.askers, queue.cost]).toEqual([0, 0])
  })

  it('lets who has taken much wait as long', () => {
    const queue = new FairQueue<Item>(10)
    for (let number = 0; number < 3; number++) queue.push(a, item(`a${number}`, 35))
    for (let number = 0; number < 8; number++) queue.push(b, item(`b${number}`, 10))
    expect(drained(queue)).toEqual('a0 b0 b1 b2 a1 b3 b4 b5 b6 a2 b7'.split(' '))
  })

  it('passes over what has left by the line of another', () => {
    const queue = new FairQueue<Item>(1)
    const both = item('both')
    for (let number = 0; number < 3; number++) queue.push(a, item(`a${number}`))
    queue.push(a, both)
    queue.push(b, both)
    expect(drained(queue)).toEqual(['a0', 'both', 'a1', 'a2'])
    expect([queue.askers, queue.cost]).toEqual([0, 0])
  })

  it('gives every item once, those of an asker in order', () => {
    const step = fc.record({
      asker: fc.nat(3),
      cost: fc.integer({ min: 1, max: 40 }),
      take: fc.nat(2),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const askers = [{}, {}, {}, {}]
        const queue = new FairQueue<Item>(20)
        const taken: string[] = []
        for (const [index, { asker, cost, take }] of steps.entries()) {
          queue.push(askers[asker] ?? a, item(`${asker}:${index}`, cost))
          for (let number = 0; number < take; number++) {
            const next = queue.shift()
            if (next === undefined) break
            next.waiting = false
            taken.push(next.name)
          }
        }
        taken.push(...drained(queue))
        expect([...taken].sort()).toEqual(
          steps.map(({ asker }, index) => `${asker}:${index}`).sort(),
        )
        for (let asker = 0; asker < 4; asker++) {
          const own = taken
            .filter((name) => name.startsWith(`${asker}:`))
            .map((name) => Number(name.slice(2)))
          expect(own).toEqual([...own].sort((one, other) => one - other))
        }
      }),
    )
  })
})

import { expect, it } from 'vitest'
import { NameWaits } from '../../src/auditor/name-waits.js'
import type { ResolvedObject } from '../../src/catalog/names.js'
import type { Execution } from '../../src/session/execution.js'

type Parts = ConstructorParameters<typeof NameWaits>[0]

const interval_ms = 50

/** Waits on a clock that stands still until it is set. */
function waits(connected = true) {
  const state = { now_us: 0, resumed: 0, refreshes: 0, timers: [] as (() => void)[] }
  const parts = {
    catalog: {
      connected,
      refresh: () => {
        state.refreshes += 1
        return new Promise<void>(() => undefined)
      },
    },
    clock: { nowMicroseconds: () => state.now_us },
    config: { audit: { flush: { interval_ms } } },
    later: (delay_ms: number, callback: () => void) => {
      expect(delay_ms).toBe(interval_ms)
      state.timers.push(callback)
      return () => undefined
    },
  } as unknown as Parts
  const names = new NameWaits(parts, () => {
    state.resumed += 1
  })
  return { names, state }
}

function report(outcome: Execution['outcome'] = 'success', current_user = 'app'): Execution {
  return { outcome, context: { current_user, database: 'db' } } as unknown as Execution
}

function resolutionOf(name: string, resolved: ResolvedObject['resolved'] = 'none') {
  const object = { name, type: 'TABLE', class: 'READ', access: [], resolved } as const
  return { objects: [object], missing: true }
}

it('waits for an unknown name once, until the interval is over', () => {
  const { names, state } = waits()
  expect(names.begin(report(), resolutionOf('unseen'))).toBe(true)
  expect([names.waiting, state.refreshes, state.resumed]).toEqual([true, 1, 0])
  state.timers[0]?.()
  state.timers[0]?.()
  expect([names.waiting, state.resumed]).toEqual([false, 1])
})

it('does not wait again for what no refresh brought, however often it is asked for', () => {
  const { names, state } = waits()
  names.begin(report(), resolutionOf('unseen'))
  state.timers[0]?.()
  names.inVain(report(), resolutionOf('unseen'))
  state.now_us = 60_000_000
  expect(names.begin(report(), resolutionOf('unseen'))).toBe(false)
  expect(names.begin(report('success', 'other'), resolutionOf('unseen'))).toBe(true)
})

it('rests after a wait in vain, so that ever new names do not hold the records up', () => {
  const { names, state } = waits()
  names.inVain(report(), resolutionOf('first'))
  expect(names.begin(report(), resolutionOf('second'))).toBe(false)
  state.now_us = 4 * interval_ms * 1000
  expect(names.begin(report(), resolutionOf('second'))).toBe(true)
})

it('does not wait for what failed, for what is certain, or without a side connection', () => {
  expect(waits().names.begin(report('failure'), resolutionOf('nowhere'))).toBe(false)
  expect(waits().names.begin(report(), resolutionOf('s.known', 'catalog'))).toBe(false)
  expect(waits(false).names.begin(report(), resolutionOf('unseen'))).toBe(false)
})

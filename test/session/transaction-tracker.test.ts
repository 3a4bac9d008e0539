import { beforeEach, describe, expect, it } from 'vitest'
import { TransactionTracker } from '../../src/session/transaction-tracker.js'

let transaction: TransactionTracker
const seen = () =>
  `${transaction.id} ${transaction.state}${transaction.active ? ' active' : ''}${transaction.failed ? ' failed' : ''} ${transaction.recorded_successes}`

beforeEach(() => {
  transaction = new TransactionTracker()
})

describe('the transaction tracker', () => {
  it('counts one implicit transaction for all statements of a batch', () => {
    expect(seen()).toBe('0 idle 0')
    transaction.statement()
    transaction.recordedSuccess()
    transaction.statement()
    transaction.recordedSuccess()
    expect(seen()).toBe('1 idle active 2')
    transaction.end()
    transaction.statement()
    expect(seen()).toBe('2 idle active 0')
  })

  it('turns an implicit transaction into a block at BEGIN, and only then', () => {
    transaction.statement()
    transaction.begin()
    expect(seen()).toBe('1 open active 0')
    transaction.begin()
    expect(seen()).toBe('1 open active 0')
    transaction.end()
    transaction.begin()
    expect(seen()).toBe('2 open active 0')
  })

  it('fails, and recovers at ROLLBACK TO', () => {
    transaction.begin()
    transaction.fail()
    expect(seen()).toBe('1 failed active failed 0')
    transaction.recover()
    expect(seen()).toBe('1 open active 0')
  })

  it('fails without a block, until the end of the batch', () => {
    transaction.statement()
    transaction.fail()
    expect(seen()).toBe('1 idle active failed 0')
    transaction.end()
    expect(seen()).toBe('1 idle 0')
  })

  it('does as ReadyForQuery says', () => {
    transaction.agree('T')
    expect(seen()).toBe('1 open active 0')
    transaction.agree('E')
    expect(seen()).toBe('1 failed active failed 0')
    transaction.agree('T')
    expect(seen()).toBe('1 open active 0')
  })

  it('forgets what has been accounted for', () => {
    transaction.statement()
    transaction.recordedSuccess()
    transaction.forgetRecorded()
    expect(seen()).toBe('1 idle active 0')
  })

  it('does not carry a failure that came too late into the next transaction', () => {
    transaction.fail()
    transaction.statement()
    expect(seen()).toBe('1 idle active 0')
  })
})

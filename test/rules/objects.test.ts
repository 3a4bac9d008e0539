import { describe, expect, it } from 'vitest'
import { bareSubject, matches, objectOf, subjectOf } from './subject.js'

const insert_select = subjectOf({
  class: 'WRITE',
  command: 'INSERT',
  objects: [objectOf('finance.log', 'WRITE'), objectOf('hr.salary', 'READ')],
})

describe('class', () => {
  it('is the record’s or that of any of its objects', () => {
    expect(matches({ class: ['WRITE'] }, insert_select)).toBe(true)
    expect(matches({ class: ['READ'] }, insert_select)).toBe(true)
    expect(matches({ class: ['DDL'] }, insert_select)).toBe(false)
  })

  it('when negated is the record’s alone', () => {
    expect(matches({ class: ['!READ'] }, insert_select)).toBe(true)
    expect(matches({ class: ['!WRITE'] }, insert_select)).toBe(false)
    expect(matches({ class: ['READ', '!WRITE'] }, insert_select)).toBe(false)
    expect(matches({ except: [{ class: ['READ'] }] }, insert_select)).toBe(true)
    expect(matches({ except: [{ class: ['WRITE'] }] }, insert_select)).toBe(false)
  })

  it('ERROR is every failure beside its own class', () => {
    const failed = { ...insert_select, outcome: 'failure', failed: true } as const
    expect(matches({ class: ['ERROR'] }, failed)).toBe(true)
    expect(matches({ class: ['WRITE'] }, failed)).toBe(true)
    expect(matches({ class: ['WRITE', '!ERROR'] }, failed)).toBe(false)
    expect(matches({ class: ['WRITE', '!ERROR'] }, insert_select)).toBe(true)
    expect(matches({ class: ['ERROR'], object: ['hr.*'] }, failed)).toBe(true)
    expect(matches({ class: ['ERROR'], object: ['hr.*'] }, insert_select)).toBe(false)
    expect(matches({ class: ['ERROR'] }, bareSubject({ class: 'CONNECT', failed: true }))).toBe(
      true,
    )
    expect(matches({ except: [{ class: ['ERROR'] }] }, failed)).toBe(false)
  })
})

describe('class and object', () => {
  it('must hold for the same object', () => {
    expect(matches({ class: ['READ'], object: ['hr.*'] }, insert_select)).toBe(true)
    expect(matches({ class: ['WRITE'], object: ['hr.*'] }, insert_select)).toBe(false)
    expect(matches({ class: ['WRITE'], object: ['finance.*'] }, insert_select)).toBe(true)
    expect(matches({ class: ['!WRITE'], object: ['finance.*'] }, insert_select)).toBe(false)
  })

  it('takes a class that no object explains for that of any of them', () => {
    const raised = subjectOf({ class: 'DDL', objects: [objectOf('hr.salary', 'READ')] })
    expect(matches({ class: ['DDL'], object: ['hr.*'] }, raised)).toBe(true)
    expect(matches({ class: ['READ'], object: ['hr.*'] }, raised)).toBe(true)
    expect(matches({ class: ['WRITE'], object: ['hr.*'] }, raised)).toBe(false)
  })

  it('holds for one object with its type, too', () => {
    const objects = [
      objectOf('a.v', 'READ', { type: 'VIEW' }),
      objectOf('b.t', 'READ', { type: 'TABLE' }),
    ]
    const subject = subjectOf({ objects })
    expect(matches({ object: ['a.*'], object_type: ['view'] }, subject)).toBe(true)
    expect(matches({ object: ['a.*'], object_type: ['TABLE'] }, subject)).toBe(false)
    expect(matches({ object_type: ['!TABLE', '!VIEW'] }, subject)).toBe(false)
  })

  it('reads the model’s spelling of a type', () => {
    const objects = [objectOf('a.m', 'READ', { type: 'MATERIALIZED VIEW' })]
    expect(matches({ object_type: ['MATERIALIZED_VIEW'] }, subjectOf({ objects }))).toBe(true)
    expect(matches({ object_type: ['*VIEW'] }, subjectOf({ objects }))).toBe(true)
  })
})

describe('object', () => {
  const one = (name: string, more = {}) => subjectOf({ objects: [objectOf(name, 'READ', more)] })

  it('never matches a statement without objects or what has none', () => {
    expect(matches({ object: ['*'] }, subjectOf())).toBe(false)
    expect(matches({ object: ['!a.b'] }, subjectOf())).toBe(false)
    expect(matches({ object: ['*'] }, bareSubject())).toBe(false)
  })

  it.each([
    ['none', 'account', ['finance.account'], true],
    ['none', 'account', ['*.*'], true],
    ['none', 'account', ['finance.log'], false],
    ['none', 'account', ['*.*', '!*.account'], true],
    ['none', 'hr.account', ['finance.account'], false],
    ['none', 'finance.account', ['finance.account'], true],
    ['none', 'finance.account', ['!finance.account'], true],
    ['assumed', 'public.account', ['public.account'], true],
    ['assumed', 'public.account', ['finance.acc*'], true],
    ['assumed', 'public.account', ['finance.log'], false],
    ['assumed', 'public.account', ['!public.account'], true],
    ['catalog', 'public.account', ['finance.account'], false],
    ['catalog', 'public.account', ['!public.account'], false],
    ['catalog', 'public.account', ['!*'], false],
  ] as const)('%s %s on %j: %s', (resolved, name, object, expected) => {
    expect(matches({ object }, one(name, { resolved }))).toBe(expected)
  })

  it('does not rule out a type that only the catalog could tell', () => {
    const bare = one('account', { resolved: 'none' })
    expect(matches({ object_type: ['VIEW'] }, bare)).toBe(true)
    expect(matches({ object_type: ['FUNCTION'] }, bare)).toBe(false)
    expect(matches({ object_type: ['!TABLE'] }, bare)).toBe(true)
    expect(matches({ object_type: ['FUNCTION'] }, one('x', { resolved: 'none', type: '' }))).toBe(
      true,
    )
    expect(matches({ except: [{ object_type: ['TABLE'] }] }, bare)).toBe(true)
  })
})

describe('except', () => {
  it('needs all keys of one map', () => {
    const except = [{ user: ['etl'], client: ['10.0.0.0/8'] }, { database: ['test'] }]
    expect(matches({ except }, subjectOf({ user: 'etl' }))).toBe(true)
    expect(matches({ except }, subjectOf({ user: 'etl', client: '10.0.0.1' }))).toBe(false)
    expect(matches({ except }, subjectOf({ database: 'test' }))).toBe(false)
  })

  it('on objects takes out objects, not statements', () => {
    const except = [{ object: ['hr.*'] }]
    expect(matches({ object: ['*'], except }, insert_select)).toBe(true)
    expect(matches({ class: ['READ'], except }, insert_select)).toBe(false)
    expect(matches({ class: ['WRITE'], except }, insert_select)).toBe(true)
    expect(matches({ except }, insert_select)).toBe(true)
    const only = subjectOf({ objects: [objectOf('hr.salary')] })
    expect(matches({ except }, only)).toBe(false)
    expect(matches({ object: ['hr.*'], except }, only)).toBe(false)
    expect(matches({ except }, subjectOf())).toBe(true)
    expect(matches({ except: [{ object: ['hr.*'], user: ['other'] }] }, only)).toBe(true)
    expect(matches({ except: [{ object: ['hr.*'], user: ['app'] }] }, only)).toBe(false)
  })

  it('takes objects out by several maps together', () => {
    const except = [{ object: ['hr.*'] }, { object: ['finance.*'], class: ['WRITE'] }]
    expect(matches({ except }, insert_select)).toBe(false)
    expect(matches({ object: ['*'], except }, insert_select)).toBe(false)
  })

  it('with a class beside a rule on objects asks that object', () => {
    const except = [{ class: ['WRITE'] }]
    expect(matches({ object: ['hr.*'], except }, insert_select)).toBe(true)
    expect(matches({ object: ['finance.*'], except }, insert_select)).toBe(false)
  })

  it('never holds by ignorance', () => {
    for (const resolved of ['none', 'assumed'] as const) {
      const subject = subjectOf({ objects: [objectOf('hr.salary', 'READ', { resolved })] })
      for (const object of [['hr.*'], ['hr.salary'], ['*'], ['!finance.*']]) {
        expect(matches({ except: [{ object }] }, subject)).toBe(true)
        expect(matches({ object: ['*'], except: [{ object }] }, subject)).toBe(true)
      }
    }
  })
})

describe('a text that could not be analysed', () => {
  const opaque = subjectOf({ class: 'WRITE', command: '', opaque: true })

  it('matches every positive key on what it might be', () => {
    for (const name of ['READ', 'WRITE', 'FUNCTION', 'ROLE', 'DDL', 'MISC', 'BACKUP']) {
      expect(matches({ class: [name] }, opaque)).toBe(true)
    }
    expect(matches({ object: ['a.b'] }, opaque)).toBe(true)
    expect(matches({ object_type: ['SEQUENCE'] }, opaque)).toBe(true)
    expect(matches({ command: ['TRUNCATE'] }, opaque)).toBe(true)
    expect(matches({ class: ['READ'], object: ['a.b'], command: ['SELECT'] }, opaque)).toBe(true)
  })

  it('is no login, and no failure unless it failed', () => {
    expect(matches({ class: ['CONNECT'] }, opaque)).toBe(false)
    expect(matches({ class: ['ERROR'] }, opaque)).toBe(false)
    expect(matches({ class: ['ERROR'] }, { ...opaque, failed: true })).toBe(true)
    expect(matches({ class: ['READ', '!ERROR'] }, { ...opaque, failed: true })).toBe(false)
  })

  it('is not left out by what it might be', () => {
    expect(matches({ class: ['!WRITE'] }, opaque)).toBe(true)
    expect(matches({ object: ['a.*', '!a.b'] }, opaque)).toBe(true)
    expect(matches({ command: ['!SELECT'] }, opaque)).toBe(true)
    for (const except of [{ class: ['WRITE'] }, { command: ['*'] }, { object: ['*'] }]) {
      expect(matches({ except: [except] }, opaque)).toBe(true)
      expect(matches({ object: ['a.b'], except: [except] }, opaque)).toBe(true)
    }
  })

  it('is held to what is known of it', () => {
    expect(matches({ class: ['READ'], user: ['other'] }, opaque)).toBe(false)
    expect(matches({ object: ['a.b'], except: [{ user: ['app'] }] }, opaque)).toBe(false)
    expect(matches({ except: [{ class: ['ERROR'] }] }, { ...opaque, failed: true })).toBe(false)
  })
})

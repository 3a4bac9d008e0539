import { expect, test } from 'vitest'
import { watchedFacts } from '../../src/auditor/watched-facts.js'
import { settledTicket } from '../../src/sql/facts-ticket.js'

function watched() {
  const asked: [string, object | undefined][] = []
  let made = 0
  const ticket = settledTicket({ status: 'parsed', statements: [], weight: 0 })
  const source = {
    lookup(text: string, asker?: object) {
      asked.push([text, asker])
      return ticket
    },
    close: async () => {},
  }
  const facts = watchedFacts(source, () => {
    made += 1
  })
  return { facts, asked, made: () => made }
}

test('the parser hears who asks, so that sessions are served in turn', () => {
  const { facts, asked } = watched()
  const session = {}
  facts.lookup('select 1', session)
  expect(asked).toEqual([['select 1', session]])
  expect(asked[0]?.[1]).toBe(session)
})

test('tells of a text that makes a database, whatever stands before it', () => {
  const { facts, made } = watched()
  const texts = ['create database a', '-- why\n/* how */ CREATE  DATABASE a TEMPLATE b']
  for (const text of texts) facts.lookup(text)
  expect(made()).toBe(2)
  for (const text of ['create table database ()', `select 'create database'`]) facts.lookup(text)
  expect(made()).toBe(2)
})

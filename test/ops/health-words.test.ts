import { expect, it } from 'vitest'
import { catalogWords, lagWords } from '../../src/ops/health-words.js'

it('tells of records that wait longer than a sync explains', () => {
  expect(lagWords(0, 1_000)).toEqual([])
  expect(lagWords(10_999, 1_000)).toEqual([])
  expect(lagWords(11_000, 1_000)).toEqual([
    'the oldest unsaved record has waited 11 s for the disk',
  ])
  expect(lagWords(60_000, 60_000)).toEqual([])
})

it('tells of a catalog that cannot be read how old it is', () => {
  expect(catalogWords('shop', undefined, 5_000)).toEqual([])
  expect(catalogWords('shop', 'no route', 90_400)).toEqual([
    'catalog of shop: no route (known as of 90 s ago)',
  ])
  expect(catalogWords('shop', 'no route', undefined)).toEqual([
    'catalog of shop: no route (nothing is known of it)',
  ])
})

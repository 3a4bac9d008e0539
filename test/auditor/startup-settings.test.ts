import { expect, it } from 'vitest'
import { startupSettings } from '../../src/auditor/startup-settings.js'

function settingsOf(options: string): Record<string, string> {
  return Object.fromEntries(startupSettings(new Map([['options', options]])))
}

it('finds the settings in options as getopt does', () => {
  const expected = { search_path: 'a,b' }
  for (const options of [
    '-c search_path=a,b',
    '-csearch_path=a,b',
    '--search-path=a,b',
    '-Ec search_path=a,b',
    '-eEO -c search_path=a,b',
    '-B 100 -c search_path=a,b',
    '-f s -E -csearch_path=a,b',
    '-S -cx=y -c search_path=a,b',
  ]) {
    expect(settingsOf(options), options).toEqual(expected)
  }
  expect(settingsOf('-c role=a\\ b -E')).toEqual({ role: 'a b' })
  expect(settingsOf('-E')).toEqual({})
})

import { expect, test } from 'vitest'
import { cutTo, oneLine } from '../../src/cli/terminal-text.js'

test.each([
  ['a\n  b\tc ', 'a b c'],
  ['\u001b[2Jx\u009b1mx\u0000', '\u{fffd}[2Jx\u{fffd}1mx\u{fffd}'],
  ['user\u202etxt', 'user\u{fffd}txt'],
  ['grün', 'grün'],
])('%j is shown as one harmless line', (text, shown) => {
  expect(oneLine(text)).toBe(shown)
})

test('long text is cut with an ellipsis', () => {
  expect(cutTo('abcdef', 6)).toBe('abcdef')
  expect(cutTo('abcdefg', 6)).toBe('abcde…')
})

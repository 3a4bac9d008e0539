import { expect, test } from 'vitest'
import { messageOf } from '../../src/auditor/statement-record.js'
import type { Execution } from '../../src/session/execution.js'

/** The failed EXECUTE of a name that nobody has seen being prepared, as far as its message needs it. */
function execute(text: string): Execution {
  const known = {
    status: 'parsed',
    statement: { node: '', secret_parameters: false },
    effects: [{ kind: 'execute', name: 'nobody', parameters: [] }],
    message: 'prepared statement "nobody" does not exist',
    text,
  }
  return known as unknown as Execution
}

test('an EXECUTE is looked through in linear time, whatever its comments say', () => {
  const words = 'execute '.repeat(200_000)
  expect(messageOf(execute(`execute nobody /* ${words} */`))).toBe(
    'prepared statement "nobody" does not exist',
  )
  // Its arguments are taken for secrets, and what the server quotes may be one.
  expect(messageOf(execute(`execute nobody /* ${words} */ ('s3')`))).toBe(
    'prepared statement <REDACTED>',
  )
})

test('what stands behind the end of an EXECUTE without arguments is not taken for them', () => {
  const whole = 'prepared statement "nobody" does not exist'
  const cut = 'prepared statement <REDACTED>'
  expect(messageOf(execute('execute nobody; select f(1)'))).toBe(whole)
  expect(messageOf(execute('execute "no body" ;\nselect f(1)'))).toBe(whole)
  expect(messageOf(execute("execute nobody; execute other ('s3')"))).toBe(cut)
  // Whether that is the end is not the same in every reading.
  expect(messageOf(execute("execute nobody /* ' ; */ ('s3')"))).toBe(cut)
  expect(messageOf(execute("select '\\'; execute nobody; select ''; execute x('s3')"))).toBe(cut)
})

import { functionCall } from '../../support/messages.js'
import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'FunctionCall runs a function by its number, without any SQL.',
  sends: [{ send: [functionCall(715, ['424242'])] }],
  effect: [['SELECT oid FROM pg_largeobject_metadata WHERE oid = 424242', '424242']],
  trail: [
    {
      class: 'FUNCTION',
      command: 'FUNCTION CALL',
      object: 'pg_catalog.lo_create(oid) execute',
      rule: 'calls',
    },
  ],
}

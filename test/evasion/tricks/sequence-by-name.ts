import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A SELECT that moves a sequence, named in a string.',
  setup: ['CREATE SEQUENCE secret.number'],
  sends: ["SELECT setval('secret.number', 42)"],
  effect: [['SELECT last_value FROM secret.number', '42']],
  trail: [{ class: 'FUNCTION', object: 'pg_catalog.setval execute', rule: 'calls' }],
}

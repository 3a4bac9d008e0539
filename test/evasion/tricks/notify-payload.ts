import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'Data leaves by a notification, which no table sees.',
  sends: [
    "NOTIFY door, 'ann,10'",
    "SELECT pg_notify('door', (SELECT string_agg(owner, ' ') FROM secret.account))",
    'LISTEN door',
  ],
  effect: [[accounts_left, '3']],
  trail: [
    { class: 'MISC', command: 'NOTIFY', text: 'ann,10' },
    { class: 'FUNCTION', object: 'secret.account select', rule: 'reads' },
    { class: 'MISC', command: 'LISTEN' },
  ],
}

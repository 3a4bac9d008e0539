import { bind, execute, functionCall, parse, query, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

/** The cancel waits until the server logs how long it took, behind the completion. */
const cancels_itself = [
  parse('', 'SELECT pg_cancel_backend(pg_backend_pid())'),
  bind('', ''),
  execute('', 1),
]

export const trick: Trick = {
  why: 'An error behind a completion makes the server skip a Query without an answer: counts slip for ever.',
  sends: [
    'SET log_duration = on',
    { send: [...cancels_itself, query('DELETE FROM secret.account WHERE id = 1'), sync()] },
    'DELETE FROM secret.account WHERE id = 2',
    { send: [...cancels_itself, functionCall(2026), sync()] },
    'DELETE FROM secret.account WHERE id = 3',
    'SELECT count(*) FROM note',
  ],
  effect: [[accounts_left, '1']],
  trail: [
    { class: 'MISC', text: 'SET' },
    { class: 'FUNCTION', outcome: 'suspended' },
    { class: 'WRITE', outcome: 'cancelled', text: 'id = 1' },
    { class: 'WRITE', object: 'secret.account delete', text: 'id = 2', rows: 1, analysis: 'sure' },
    { class: 'FUNCTION', outcome: 'suspended' },
    { class: 'FUNCTION', outcome: 'cancelled' },
    { class: 'WRITE', object: 'secret.account delete', text: 'id = 3', rows: 1, analysis: 'sure' },
    { class: 'READ', object: 'public.note select', analysis: 'sure' },
  ],
  events: ['transaction end'],
}

import { ask, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The search_path comes as the value of a parameter.',
  setup: ['CREATE TABLE public.account AS TABLE secret.account'],
  sends: [
    { send: [ask("SELECT set_config('search_path', $1, false)", ['secret']), sync()] },
    'DELETE FROM account WHERE id = 1',
  ],
  effect: [
    [accounts_left, '2'],
    ['SELECT count(*) FROM public.account', '3'],
  ],
  trail: [
    { class: 'FUNCTION', object: 'pg_catalog.set_config execute', parameters: ['secret'] },
    { class: 'WRITE', rule: 'changes' },
  ],
}

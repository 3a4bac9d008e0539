import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The DELETE stands in the body of a function that is made first and called by a harmless name.',
  sends: [
    `CREATE FUNCTION public.upper_case() RETURNS void LANGUAGE sql AS
     'DELETE FROM secret.account WHERE id = 1'`,
    'SELECT public.upper_case()',
  ],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'DDL', object: 'public.upper_case() create', text: 'DELETE FROM secret.account' },
    { class: 'FUNCTION', object: 'public.upper_case execute', rule: 'calls' },
  ],
}

import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'BEGIN ATOMIC takes statements, not a string; semicolons inside end no statement of the Query.',
  sends: [
    `CREATE FUNCTION public.f() RETURNS void LANGUAGE sql
     BEGIN ATOMIC DELETE FROM secret.account WHERE id = 1; SELECT 1; END; SELECT public.f()`,
  ],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'DDL', object: 'secret.account reference' },
    { class: 'FUNCTION', object: 'public.f execute', rule: 'calls' },
  ],
}

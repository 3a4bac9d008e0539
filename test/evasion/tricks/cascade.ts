import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'TRUNCATE … CASCADE empties tables that it does not name.',
  setup: [
    'CREATE TABLE public.head (id int PRIMARY KEY)',
    'ALTER TABLE secret.account ADD FOREIGN KEY (balance) REFERENCES public.head NOT VALID',
  ],
  sends: ['TRUNCATE public.head CASCADE'],
  effect: [[accounts_left, '0']],
  trail: [{ class: 'WRITE', object: 'public.head truncate', text: 'CASCADE' }],
}

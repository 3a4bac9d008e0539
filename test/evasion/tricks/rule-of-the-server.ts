import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A rewrite rule adds a DELETE to an INSERT, or puts it in its place.',
  setup: [
    'CREATE RULE r AS ON INSERT TO note DO INSTEAD DELETE FROM secret.account WHERE id = NEW.n',
  ],
  sends: ['INSERT INTO note VALUES (1)'],
  effect: [
    [accounts_left, '2'],
    ['SELECT count(*) FROM note', '0'],
  ],
  answers: 'INSERT 0 0\0',
  trail: [{ class: 'WRITE', object: 'public.note insert' }],
}

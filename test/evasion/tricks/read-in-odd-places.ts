import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A subquery stands where few look: LIMIT, ORDER BY, a window, a filter, VALUES, a join condition.',
  sends: [
    'SELECT 1 LIMIT (SELECT count(*) FROM secret.account)',
    'SELECT 1 ORDER BY (SELECT max(balance) FROM secret.account)',
    'SELECT count(*) FILTER (WHERE EXISTS (TABLE secret.account))',
    'SELECT rank() OVER (ORDER BY (SELECT max(balance) FROM secret.account))',
    'SELECT 1 FROM (VALUES (1)) v JOIN note n ON EXISTS (TABLE secret.account)',
    'SELECT * FROM generate_series(1, (SELECT max(id) FROM secret.account))',
    'SELECT ARRAY(SELECT owner FROM secret.account)',
    'SELECT 1 FROM note TABLESAMPLE system ((SELECT max(id) FROM secret.account))',
    'SELECT 1 UNION ALL SELECT 2 EXCEPT (SELECT id FROM secret.account)',
    'COPY (SELECT 1 WHERE EXISTS (TABLE secret.account)) TO STDOUT',
    'SET search_path = public',
  ],
  effect: [[accounts_left, '3']],
  trail: [
    { class: 'READ', object: 'secret.account select', rule: 'reads', times: 10 },
    { class: 'MISC' },
  ],
}

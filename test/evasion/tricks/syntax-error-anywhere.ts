import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'One mistake at the end, and nothing of the Query runs: whoever records the DELETE tells a lie.',
  sends: ['DELETE FROM secret.account; INSERT INTO note VALUES (1); SELEC 1'],
  effect: [
    [accounts_left, '3'],
    ['SELECT count(*) FROM note', '0'],
  ],
  trail: [
    { class: 'ERROR', outcome: 'failure', sqlstate: '42601', text: 'DELETE', rule: 'failures' },
  ],
}

import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A lock that is never given back stops everyone, and changes nothing.',
  sends: ['BEGIN', 'LOCK secret.account IN ACCESS EXCLUSIVE MODE', 'ROLLBACK'],
  effect: [[accounts_left, '3']],
  trail: [
    { class: 'MISC' },
    { class: 'MISC', command: 'LOCK TABLE', object: 'secret.account' },
    { class: 'MISC' },
  ],
}

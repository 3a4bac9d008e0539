import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A label may open a table to a provider; here there is none, and the failure is told.',
  sends: ["SECURITY LABEL FOR nobody ON TABLE secret.account IS 'open'"],
  effect: [[accounts_left, '3']],
  trail: [{ class: 'DDL', object: 'secret.account', outcome: 'failure', rule: 'failures' }],
}

import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'MERGE is not in the lists of those who know INSERT, UPDATE and DELETE.',
  sends: [
    'MERGE INTO secret.account a USING (VALUES (1)) v(id) ON a.id = v.id WHEN MATCHED THEN DELETE',
  ],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'WRITE', command: 'MERGE', object: 'secret.account delete', rule: 'changes' }],
}

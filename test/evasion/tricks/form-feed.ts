import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A form feed is white space, and so is a carriage return; no blank is needed at all.',
  sends: ['DELETE\fFROM\rsecret\t.account\fWHERE\f(id)=1'],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'WRITE', object: 'secret.account delete', rule: 'changes' }],
}

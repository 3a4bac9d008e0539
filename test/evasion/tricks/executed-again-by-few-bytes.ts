import { bind, execute, parse, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'What was parsed once is executed with a message that holds nothing but the values.',
  sends: [
    { send: [parse('s', 'DELETE FROM secret.account WHERE id = $1'), sync()] },
    { send: [bind('', 's', ['1']), execute(), bind('', 's', ['2']), execute(), sync()] },
  ],
  effect: [[accounts_left, '1']],
  trail: [
    { class: 'WRITE', object: 'secret.account delete', parameters: ['1'], rule: 'changes' },
    { class: 'WRITE', object: 'secret.account delete', parameters: ['2'], rule: 'changes' },
  ],
}

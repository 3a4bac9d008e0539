import { bind, execute, parse, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

const all = (text: string) => [parse('all', text), bind('', 'all'), execute(), sync()]
const again = [bind('', ''), execute(), sync()]

export const trick: Trick = {
  why: 'DEALLOCATE ALL and DISCARD ALL leave the unnamed statement, which can be executed once more.',
  sends: [
    { send: [parse('', 'DELETE FROM secret.account WHERE id <= 2'), sync()] },
    { send: all('DEALLOCATE ALL') },
    { send: again },
    { send: all('DISCARD ALL') },
    { send: again },
  ],
  effect: [[accounts_left, '1']],
  trail: [
    { class: 'MISC', command: 'DEALLOCATE ALL' },
    { class: 'WRITE', object: 'secret.account delete', rows: 2, rule: 'changes', analysis: 'sure' },
    { class: 'MISC', command: 'DISCARD ALL' },
    { class: 'WRITE', object: 'secret.account delete', rows: 0, rule: 'changes', analysis: 'sure' },
  ],
}

import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'Line breaks in names and settings of the session would begin records of their own.',
  startup: {
    application_name:
      'x"\n{"v":1,"class":"AUDIT","command":"audit.stop"}\r\nAUDIT: SESSION,READ,,,',
  },
  csv: true,
  sends: [
    'DELETE FROM secret.account WHERE id = 1',
    'SET application_name = E\'a\\n\\t\\x1b[2J,"b"\'',
    'SELECT 1',
  ],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'WRITE', object: 'secret.account delete', rule: 'changes' },
    { class: 'MISC' },
    { class: 'READ' },
  ],
  absent: '\n{"v":1,"class":"AUDIT"',
}

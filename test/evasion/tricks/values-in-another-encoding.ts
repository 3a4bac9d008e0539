import { bind, execute, parse, sync } from '../../support/messages.js'
import type { Trick } from '../trick.js'

const insert = (value: string) => [
  parse('', 'INSERT INTO note VALUES (1, $1)'),
  bind('', '', [Buffer.from(value, 'latin1')]),
  execute(),
  sync(),
]

export const trick: Trick = {
  why: 'Values are sent in the encoding of the client: read as UTF-8, all of them look the same.',
  startup: { client_encoding: 'LATIN1' },
  sends: [{ send: insert('André') }, { send: insert('Andrè') }],
  effect: [['SELECT string_agg(t, \' \' ORDER BY t COLLATE "C") FROM note', 'Andrè André']],
  trail: [
    { class: 'WRITE', parameters: ['André'] },
    { class: 'WRITE', parameters: ['Andrè'] },
  ],
}

import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'COPY writes a file of the server, which no client sees.',
  sends: ["COPY secret.account TO '/tmp/' || 'x'", "COPY secret.account TO '/dev/null'"],
  effect: [[accounts_left, '3']],
  trail: [
    { class: 'ERROR', outcome: 'failure', sqlstate: '42601' },
    { class: 'WRITE', object: 'secret.account select', text: '/dev/null', rule: 'reads' },
  ],
}

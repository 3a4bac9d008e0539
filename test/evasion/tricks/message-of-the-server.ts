import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The words of the server quote the client, line breaks and all.',
  csv: true,
  sends: [
    "DO $$ BEGIN RAISE EXCEPTION E'x\\n\"}\\nAUDIT: SESSION,READ,,,\\n\\x1b[2J' USING ERRCODE = '22012'; END $$",
  ],
  effect: [[accounts_left, '3']],
  trail: [{ class: 'FUNCTION', outcome: 'failure', sqlstate: '22012' }],
}

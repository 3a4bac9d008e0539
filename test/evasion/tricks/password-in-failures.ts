import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'What failed is recorded with its text, and the words of the server quote it.',
  sends: [
    "ALTER ROLE nobody_at_all PASSWORD 'Geheim123x'",
    "ALTER ROLE postgres PASSWORT 'Geheim123x'",
    'ALTER ROLE postgres PASSWORD Geheim123x',
    "ALTER ROLE postgres PASSWORD 'Geheim123x",
    "SELEC 1; ALTER ROLE postgres PASSWORD 'Geheim123x'",
  ],
  effect: [[accounts_left, '3']],
  trail: [
    { class: 'ROLE', outcome: 'failure' },
    { class: 'ERROR', outcome: 'failure', times: 4 },
  ],
  absent: 'Geheim123x',
}

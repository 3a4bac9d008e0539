import { query } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

const lead = Buffer.from("SELECT E'")
const rest = Buffer.from(
  "' AS a, set_config($$app.password$$, $$Geheim123x$$, false) AS b, $$new$$ AS c --'",
)

export const trick: Trick = {
  why: 'The encoding is changed in the same write: a backslash is half a character, or none is.',
  sends: [
    {
      send: [
        query("SET client_encoding = 'SJIS'"),
        query(Buffer.concat([lead, Buffer.from([0x95, 0x5c]), rest])),
      ],
      ready: 2,
    },
    {
      send: [
        query("SET client_encoding = 'UTF8'"),
        query(Buffer.concat([lead, Buffer.from([0xc4, 0x81, 0x5c]), rest])),
      ],
      ready: 2,
    },
  ],
  effect: [[accounts_left, '3']],
  answers: 'Geheim123x',
  trail: [
    { class: 'MISC' },
    { class: 'WRITE', analysis: 'ambiguous', text: 'SELECT' },
    { class: 'MISC' },
    { class: 'WRITE', analysis: 'ambiguous', text: 'SELECT' },
  ],
  absent: 'Geheim123x',
}

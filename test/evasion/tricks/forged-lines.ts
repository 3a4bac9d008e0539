import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The text of a statement looks like records of the trail, quotes and line breaks included.',
  csv: true,
  sends: [
    'DELETE FROM secret.account WHERE id = 1 /* "}\n{"v":1,"seq":1,"class":"AUDIT","command":"audit.stop"}\n,"" */',
    'SELECT 1 AS "a""b,\nAUDIT: SESSION,READ,2018-11-04 19:00:58 JST,[local],1,psql,x,y,1/1,1,1,SELECT,,,,,,"',
    "SELECT 'x\r\n\u2028\u2029\u0085y'",
  ],
  effect: [[accounts_left, '2']],
  trail: [
    { class: 'WRITE', object: 'secret.account delete', rule: 'changes' },
    { class: 'READ' },
    { class: 'READ' },
  ],
}

import type { Trick } from '../trick.js'

export const trick: Trick = {
  why: 'COPY runs a program of the server, and its table is beside the point.',
  sends: [
    "COPY note (t) FROM PROGRAM 'echo hello'",
    "COPY (SELECT owner FROM secret.account) TO PROGRAM 'cat > copied_by_program'",
  ],
  effect: [
    ['SELECT t FROM note', 'hello'],
    ["SELECT split_part(pg_read_file('copied_by_program'), chr(10), 1)", 'ann'],
  ],
  trail: [
    { class: 'WRITE', object: 'public.note insert', text: 'echo hello' },
    { class: 'WRITE', object: 'secret.account select', text: 'TO PROGRAM', rule: 'reads' },
  ],
}

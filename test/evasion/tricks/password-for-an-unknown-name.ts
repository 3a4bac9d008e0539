import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'EXECUTE of a name that nobody has prepared, or that is gone: what its argument is nobody knows.',
  sends: [
    "EXECUTE no_such_setter ('Geheim123x')",
    "EXPLAIN EXECUTE no_such_setter ('Geheim123x')",
    "CREATE TABLE public.t AS EXECUTE no_such_setter ('Geheim123x')",
  ],
  effect: [[accounts_left, '3']],
  answers: '26000',
  trail: [{ class: 'MISC', outcome: 'failure', sqlstate: '26000', times: 3 }],
  absent: 'Geheim123x',
}

import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'What was prepared where backslashes escape is told again when it is executed.',
  startup: { options: '-c standard_conforming_strings=off' },
  sends: [
    `PREPARE p AS SELECT '\\', n --' AS a, set_config($$app.password$$, $$Geheim123x$$, false) AS b --'`,
    'EXECUTE p',
    `DECLARE c CURSOR WITH HOLD FOR SELECT '\\', n --', set_config('app.' || $$token$$, $$Geheim123x$$, false) --'`,
    'FETCH c',
    'DEALLOCATE p',
  ],
  effect: [[accounts_left, '3']],
  answers: 'Geheim123x',
  trail: [
    { class: 'WRITE', analysis: 'ambiguous', text: 'PREPARE p AS SELECT' },
    { class: 'WRITE', analysis: 'ambiguous', prepared: 'PREPARE p AS SELECT' },
    { class: 'WRITE', analysis: 'ambiguous', text: 'set_config' },
    { class: 'WRITE', analysis: 'ambiguous', prepared: 'set_config' },
    { class: 'MISC' },
  ],
  absent: 'Geheim123x',
}

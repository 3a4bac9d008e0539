import { bind, execute, parse, sync } from '../../support/messages.js'
import { accounts_left, split, split_trail, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'The same by a function, whose arguments come in a Bind.',
  sends: [
    {
      send: [
        parse('', 'SELECT set_config($1, $2, false)'),
        bind('', '', ['standard_conforming_strings', 'off']),
        execute(),
        sync(),
      ],
    },
    split,
  ],
  effect: [[accounts_left, '2']],
  answers: 'DELETE 1\0',
  trail: [{ class: 'FUNCTION', object: 'pg_catalog.set_config execute' }, ...split_trail],
}

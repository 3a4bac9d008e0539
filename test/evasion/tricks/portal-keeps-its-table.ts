import { ask, bind, execute, parse, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A portal and a cursor read what their table was when they were made; another has its name since.',
  startup: { options: '-csearch_path=secret' },
  sends: [
    {
      send: [
        ask('BEGIN'),
        ask('CREATE TEMP TABLE first (n int)'),
        parse('s', 'DELETE FROM account WHERE id = 1'),
        bind('p', 's'),
        ask('DECLARE c CURSOR FOR SELECT owner FROM account'),
        ask('CREATE TEMP TABLE account (id int, owner text)'),
        execute('p'),
        ask('FETCH 1 FROM c'),
        bind('', 's'),
        execute(),
        ask('COMMIT'),
        sync(),
      ],
    },
  ],
  effect: [[accounts_left, '2']],
  answers: 'ann',
  trail: [
    { class: 'MISC' },
    { class: 'DDL' },
    { class: 'READ', command: 'DECLARE CURSOR' },
    { class: 'DDL' },
    { class: 'WRITE', object: 'secret.account delete', rule: 'changes', rows: 1 },
    { class: 'READ', command: 'FETCH', object: 'secret.account select', rule: 'reads', rows: 1 },
    { class: 'WRITE', object: 'secret.account delete', rule: 'changes', rows: 0 },
    { class: 'MISC' },
  ],
}

import { bind, execute, parse, sync } from '../../support/messages.js'
import type { Trick } from '../trick.js'

/** One name in UTF-8, two letters in LATIN1: to the server these are two names. */
const name = Buffer.from([0xc3, 0xa9])
const latin1 = [parse('', 'SET client_encoding = LATIN1'), bind('', ''), execute()]
const utf8 = [parse('', 'SET client_encoding = UTF8'), bind('', ''), execute(), sync()]
const run = [bind('', name), execute()]

export const trick: Trick = {
  why: 'The encoding changes within a pipeline, and a harmless statement gets the name of another.',
  sends: [
    { send: [...latin1, parse(name, 'SELECT count(*) FROM secret.account'), ...run, ...utf8] },
    { send: [parse(name, 'SELECT count(*) FROM note'), sync()] },
    { send: [...latin1, ...run, ...utf8] },
  ],
  effect: [['SELECT 1', '1']],
  answers: '\x013',
  trail: [
    { class: 'MISC' },
    { class: 'WRITE', analysis: 'ambiguous', rule: 'reads', object: 'secret.account select' },
    { class: 'MISC', times: 2 },
    { class: 'WRITE', analysis: 'ambiguous', rule: 'reads' },
    { class: 'MISC' },
  ],
}

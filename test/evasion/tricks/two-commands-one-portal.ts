import { ask, sync } from '../../support/messages.js'
import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A rule that does INSTEAD several things, and a portal of them: the tag is of the first alone.',
  setup: ['CREATE RULE r AS ON DELETE TO note DO ALSO DELETE FROM secret.account WHERE id = 1'],
  sends: [{ send: [ask('DELETE FROM note'), sync()] }],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'WRITE', object: 'public.note delete' }],
}

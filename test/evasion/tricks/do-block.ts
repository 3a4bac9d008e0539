import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'DO is code; its text is kept, its statements are not told apart; its literals may spell a secret.',
  sends: ["DO $do$ BEGIN EXECUTE 'DELETE FROM secr' || 'et.account WHERE id = 1'; END $do$"],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'FUNCTION', command: 'DO', text: 'DO $do$ BEGIN EXECUTE', rule: 'calls' }],
}

import { expect } from 'vitest'

const lost_synchronisation = /^E "SFATAL.*protocol synchronization was lost/

/**
 * The answers are the same. Only where the server itself breaks off, in the middle of what the
 * client sends, either side may have lost the last of them: its socket is reset, by TCP's rules.
 */
export function expectSame(
  through: readonly string[] | undefined,
  straight: readonly string[] | undefined,
  name: string,
): void {
  const [less = [], more = []] =
    (through?.length ?? 0) < (straight?.length ?? 0) ? [through, straight] : [straight, through]
  const broken_off = lost_synchronisation.test(more.at(-1) ?? '')
  const known = broken_off ? less.length : more.length
  // The first line tells of a message that came in part.
  const skipped = broken_off ? 1 : 0
  expect({ name, answers: through?.slice(skipped, known) }).toEqual({
    name,
    answers: straight?.slice(skipped, known),
  })
}

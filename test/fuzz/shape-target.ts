import { loadModule } from 'libpg-query'
import { fillings, shapeFault } from '../support/shape-faults.js'
import { shapeText } from '../support/shape-texts.js'
import { InProcessTarget } from './in-process.js'
import { statement } from './live/statements.js'
import { caseSeed, Random } from './random.js'
import type { Target } from './target.js'

/** Sets of other literals that each text is compared with. */
const rounds = 4

function generate(random: Random): string {
  return random.once(4) ? statement(random) : shapeText((limit) => random.below(limit))
}

/** The literals follow from the text, so that a file of the corpus is a text and nothing else. */
function faultsOf(text: string): string[] {
  const random = new Random(caseSeed(0, text, 0))
  for (let round = 0; round < rounds; round++) {
    const fault = shapeFault(text, (mark) => random.pick(fillings[mark]))
    if (fault !== undefined) return [fault]
  }
  return []
}

/** Random texts, and others of their shapes: the same tokens, and the same facts where shared. */
export const shape: Target = {
  name: 'shape',
  open: async (options) => {
    await loadModule()
    return new InProcessTarget('shape', options, {
      batch: 500,
      generate,
      faultsOf: async (text) => faultsOf(text),
      pieces: (text) => ['', ...text],
      whole: (pieces) => pieces.join(''),
    })
  },
}

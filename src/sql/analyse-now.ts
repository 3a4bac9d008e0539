import { loadModule } from 'libpg-query'
import type { TextFacts } from './facts.js'
import { failedFacts, parseText } from './parse-text.js'

/**
 * Says what a text is, in this thread and without cache or deadline: for tests and for
 * `pgwitness explain`, never for the relay. A text that is too much for the parser is `unparsed`.
 */
export async function analyseNow(text: string): Promise<TextFacts> {
  await loadModule()
  try {
    return parseText(text)
  } catch (error) {
    return failedFacts(text, 'unparsed', error instanceof Error ? error.message : String(error))
  }
}

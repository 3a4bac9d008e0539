import type { FactsSource } from '../sql/facts.js'

/** CREATE DATABASE is alone in its text; comments may stand before it. */
const makes_database = /^(?:\s|--[^\n]*\n|\/\*[^*]*\*\/)*create\s+database\b/i

/** No such text is longer; so is the time bounded that is spent on looking. */
const longest_chars = 4_096

/**
 * The facts, and a word before they are known where a text is about to copy a database: the server
 * waits for all others to leave it, our own connection among them.
 */
export function watchedFacts(
  facts: FactsSource,
  onCreateDatabase: () => void,
): Pick<FactsSource, 'lookup'> {
  return {
    lookup(text, asker) {
      if (text.length <= longest_chars && makes_database.test(text)) onCreateDatabase()
      return facts.lookup(text, asker)
    },
  }
}

import { WitnessError } from '../errors.js'
import { compileGlob, globTokens, isLiteral, remember, type TextTest } from './glob.js'

/** The values of one key, with the negated ones apart and without their `!`. */
export interface ValueList {
  readonly positives: readonly string[]
  readonly negatives: readonly string[]
}

/** Divides a key's values. Throws `config.invalid` for an empty list, which would say nothing. */
export function splitValues(key: string, values: readonly string[]): ValueList {
  if (values.length === 0) {
    throw new WitnessError('config.invalid', `${key}: the list is empty; leave the key out`)
  }
  return {
    positives: values.filter((value) => !value.startsWith('!')),
    negatives: values.filter((value) => value.startsWith('!')).map((value) => value.slice(1)),
  }
}

/** Any of the positives, if there are positives, and none of the negatives. */
export function passes<T>(
  positives: readonly T[],
  negatives: readonly T[],
  fits: (pattern: T) => boolean,
): boolean {
  return (positives.length === 0 || positives.some(fits)) && !negatives.some(fits)
}

/** One test for several patterns: a set when all are plain texts. */
function anyOf(patterns: readonly string[]): TextTest {
  if (patterns.every((pattern) => isLiteral(globTokens(pattern)))) {
    const texts = new Set(patterns)
    return (text) => texts.has(text)
  }
  const tests = patterns.map(compileGlob)
  return remember((text) => tests.some((test) => test(text)))
}

/**
 * Compiles the values of a key whose values are texts. With `fold`, case does not count. A value
 * that is absent or unknown is the caller's to judge.
 */
export function compileTextList(key: string, values: readonly string[], fold: boolean): TextTest {
  const { positives, negatives } = splitValues(key, values)
  const wanted = anyOf(fold ? positives.map(upper) : positives)
  const unwanted = anyOf(fold ? negatives.map(upper) : negatives)
  const test: TextTest = (text) =>
    (positives.length === 0 || wanted(text)) && (negatives.length === 0 || !unwanted(text))
  return fold ? remember((text) => test(upper(text))) : test
}

function upper(text: string): string {
  return text.toUpperCase()
}

/** Which words of a closed list the values ask for: globs are spelled out once, at the start. */
export interface WordList<Word extends string> {
  readonly positives: ReadonlySet<Word>
  readonly negatives: ReadonlySet<Word>
  /** False for a list of negations alone. */
  readonly has_positives: boolean
}

/**
 * Compiles the values of a key whose words are known beforehand, in any case. Throws
 * `config.invalid` for a value that fits no word: it is a typing error that would hide records.
 */
export function compileWordList<Word extends string>(
  key: string,
  values: readonly string[],
  words: readonly Word[],
): WordList<Word> {
  const { positives, negatives } = splitValues(key, values)
  const spell = (patterns: readonly string[]): Set<Word> => {
    const found = new Set<Word>()
    for (const pattern of patterns) {
      const test = compileGlob(upper(pattern))
      const fitting = words.filter((word) => test(upper(word)))
      if (fitting.length === 0) {
        throw new WitnessError(
          'config.invalid',
          `${key}: "${pattern}" is none of ${words.join(', ')}`,
        )
      }
      for (const word of fitting) found.add(word)
    }
    return found
  }
  return {
    positives: spell(positives),
    negatives: spell(negatives),
    has_positives: positives.length > 0,
  }
}

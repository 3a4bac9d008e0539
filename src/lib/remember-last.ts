/** Below this, to answer again is as quick as to look whether it has been answered. */
const worth_remembering_chars = 4_096

/**
 * The same function of a text, which answers for the long text that it was asked of last without
 * looking at it again: the records of one Query or one prepared statement ask the same of it, each
 * of them. One text is kept, which is no longer than what is analysed.
 */
export function rememberLast<Answer>(answer: (text: string) => Answer): (text: string) => Answer {
  let last: { readonly text: string; readonly answer: Answer } | undefined
  return (text) => {
    if (text.length < worth_remembering_chars) return answer(text)
    // The same string is told by its address; another one of that length mostly by its beginning.
    if (last?.text !== text) last = { text, answer: answer(text) }
    return last.answer
  }
}

/** One column as COPY reads it: null when it stands empty and unquoted. */
export type CsvColumn = string | null

/**
 * Reads CSV as COPY does with its default options, and refuses what COPY would take in a sense that
 * the writer hardly meant: text around quotes, an open quote, a bare carriage return.
 */
export function readCsv(text: string): CsvColumn[][] {
  const rows: CsvColumn[][] = []
  let row: CsvColumn[] = []
  let at = 0
  while (at <= text.length) {
    let column: CsvColumn
    if (text[at] === '"') {
      let value = ''
      for (at++; text[at] !== '"' || text[at + 1] === '"'; at++) {
        if (at >= text.length) throw new Error('open quote')
        if (text[at] === '"') at++
        value += text[at] ?? ''
      }
      at++
      column = value
    } else {
      const begin = at
      while (at < text.length && text[at] !== ',' && text[at] !== '\n') {
        if (text[at] === '"' || text[at] === '\r') throw new Error(`stray ${text[at]} at ${at}`)
        at++
      }
      column = begin === at ? null : text.slice(begin, at)
    }
    row.push(column)
    if (at < text.length && text[at] !== ',' && text[at] !== '\n')
      throw new Error('text after quote')
    if (text[at] !== ',') {
      rows.push(row)
      row = []
    }
    at++
  }
  return rows
}

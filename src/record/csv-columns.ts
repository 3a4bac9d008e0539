/**
 * The columns of one record of the CSV format, without its line end, as COPY reads them: null for
 * what stands empty and unquoted. Takes whatever a damaged line holds for as much as it is.
 */
export function csvColumns(record: string): (string | null)[] {
  const columns: (string | null)[] = []
  for (let at = 0; at <= record.length; at++) {
    const { value, end } = record[at] === '"' ? quotedAt(record, at) : plainAt(record, at)
    columns.push(value)
    at = end
  }
  return columns
}

interface Column {
  readonly value: string | null
  /** Where the comma behind it stands, or the end. */
  readonly end: number
}

function plainAt(record: string, from: number): Column {
  const comma = record.indexOf(',', from)
  const end = comma < 0 ? record.length : comma
  return { value: end === from ? null : record.slice(from, end), end }
}

function quotedAt(record: string, from: number): Column {
  let value = ''
  for (let at = from + 1; ; ) {
    const quote = record.indexOf('"', at)
    if (quote < 0) return { value: value + record.slice(at), end: record.length }
    value += record.slice(at, quote)
    if (record[quote + 1] !== '"') {
      const comma = record.indexOf(',', quote)
      return { value, end: comma < 0 ? record.length : comma }
    }
    value += '"'
    at = quote + 2
  }
}

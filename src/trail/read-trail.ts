import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { auditFiles } from './file-name.js'
import { TrailFileReader } from './trail-file-reader.js'

/** One record as it stands in a file, without the line end behind it. */
export interface TrailLine {
  readonly file: string
  /** A JSON record is one line; a CSV record may hold line ends within its quotes. */
  readonly line: string
}

/**
 * The records of a directory, in the order of the files and within them. What stands behind the
 * last whole record of a file (one that is being written, or was cut short) is left out. A file
 * that retention removes meanwhile is passed over.
 */
export async function* readTrail(directory: string): AsyncGenerator<TrailLine> {
  for (const { name } of auditFiles(await readdir(directory))) {
    for await (const line of readTrailFile(join(directory, name))) yield { file: name, line }
  }
}

/** The records of one file. */
async function* readTrailFile(path: string): AsyncGenerator<string> {
  const reader = await TrailFileReader.open(path)
  if (reader === undefined) return
  try {
    for (let lines = await reader.next(); lines !== undefined; lines = await reader.next()) {
      yield* lines
    }
  } finally {
    await reader.close()
  }
}

import { constants } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { auditFiles } from './file-name.js'
import { RecordScanner } from './record-scanner.js'

const chunk_bytes = 256 * 1024

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
export async function* readTrailFile(path: string): AsyncGenerator<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error) => {
    // Removed meanwhile, or a link that bears such a name and is none of ours.
    if (error.code === 'ENOENT' || error.code === 'ELOOP') return undefined
    throw error
  })
  if (file === undefined) return
  try {
    const scanner = new RecordScanner()
    let rest: Buffer[] = []
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(chunk_bytes), 0, chunk_bytes)
      if (bytesRead === 0) return
      const chunk = buffer.subarray(0, bytesRead)
      let start = 0
      for (const end of scanner.ends(chunk)) {
        yield Buffer.concat([...rest, chunk.subarray(start, end - 1)]).toString()
        rest = []
        start = end
      }
      rest.push(chunk.subarray(start))
    }
  } finally {
    await file.close()
  }
}

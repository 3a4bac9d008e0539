import { createHash } from 'node:crypto'
import { readSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { builtFile } from '../lib/built-file.js'

const chunk_bytes = 1024 * 1024

/** Below this a thread would cost more than it saves. */
const small_bytes = 4 * chunk_bytes

/** What the thread is asked for: an open descriptor, and how much of its file counts. */
export interface HashQuestion {
  readonly fd: number
  readonly bytes: number
}

/** The answer, in the order of the questions: SHA-256, hex, or what went wrong. */
export type HashAnswer = { readonly sha256: string } | { readonly reason: string }

/** SHA-256 (hex) of the first bytes of a file, or of all where it has fewer. */
export function hashOfFile({ fd, bytes }: HashQuestion): string {
  const hash = createHash('sha256')
  const chunk = Buffer.allocUnsafe(Math.min(chunk_bytes, Math.max(1, bytes)))
  for (let position = 0; position < bytes; ) {
    const count = readSync(fd, chunk, 0, Math.min(chunk.length, bytes - position), position)
    if (count === 0) break
    hash.update(chunk.subarray(0, count))
    position += count
  }
  return hash.digest('hex')
}

interface Asker {
  resolve(sha256: string): void
  reject(error: Error): void
}

/**
 * Hashes whole files in a thread of its own, while their records are looked at. Descriptors belong
 * to the process, so that both read the same file, whatever becomes of its name.
 */
export class FileHasher {
  #worker: Worker | undefined
  readonly #askers: Asker[] = []

  /** SHA-256 (hex) of the first bytes; the descriptor must stay open until it is there. */
  async hash(fd: number, bytes: number): Promise<string> {
    const question: HashQuestion = { fd, bytes }
    if (bytes < small_bytes) return hashOfFile(question)
    this.#worker ??= this.#start()
    const worker = this.#worker
    return await new Promise((resolve, reject) => {
      this.#askers.push({ resolve, reject })
      worker.postMessage(question)
    })
  }

  async close(): Promise<void> {
    await this.#worker?.terminate()
  }

  #start(): Worker {
    const worker = new Worker(builtFile('trail/hash-thread.js'), { name: 'pgwitness-hash' })
    worker.on('message', (answer: HashAnswer) => {
      const asker = this.#askers.shift()
      if ('sha256' in answer) asker?.resolve(answer.sha256)
      else asker?.reject(new Error(answer.reason))
    })
    const fail = (error: Error): void => {
      for (const { reject } of this.#askers.splice(0)) reject(error)
    }
    worker.on('error', fail)
    worker.on('exit', () => fail(new Error('the thread that hashes files has ended')))
    return worker
  }
}

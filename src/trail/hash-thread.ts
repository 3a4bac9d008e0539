import { parentPort } from 'node:worker_threads'
import { type HashAnswer, type HashQuestion, hashOfFile } from './file-hash.js'

/** The thread of the hashes of whole files: answers one question after the other. */
function answer(question: HashQuestion): HashAnswer {
  try {
    return { sha256: hashOfFile(question) }
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) }
  }
}

parentPort?.on('message', (question: HashQuestion) => parentPort?.postMessage(answer(question)))

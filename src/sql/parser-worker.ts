/**
 * The parser thread: receives texts, answers with facts. It holds one instance of libpg-query, and
 * after any failure that is not a syntax error it stops, because that instance may be broken; the
 * main thread then starts another worker.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { loadModule } from 'libpg-query'
import { assert } from '../lib/assert.js'
import type { TextFacts } from './facts.js'
import { failedFacts, parseText } from './parse-text.js'
import {
  type ParserAnswer,
  type ParserBatch,
  type ParserFailure,
  type ParserWorkerData,
  parser_ready,
} from './parser-messages.js'

/** Facts wait so long for others to be sent with them, in milliseconds. */
const collect_ms = 4

/** A text of this length may take long: what is finished is sent before it is begun. */
const long_text = 8_192

assert(parentPort !== null, 'the parser worker runs as a worker thread')
const port = parentPort
const { progress } = workerData as ParserWorkerData

let stopped = false
let served = 0

/** A stack that was too small is the text's own doing; any other failure may be an earlier one's. */
function failureOf(error: unknown): ParserFailure {
  const problem = error instanceof Error ? error.message : String(error)
  return { problem, doubtful: !(error instanceof RangeError) && served > 0 }
}

function send(answer: ParserAnswer): void {
  port.postMessage(answer)
}

function work(batch: ParserBatch): void {
  let results: TextFacts[] = []
  let sent_at = performance.now()
  for (const [index, text] of batch.texts.entries()) {
    if (
      results.length > 0 &&
      (text.length > long_text || performance.now() - sent_at > collect_ms)
    ) {
      send({ results, completes_batch: false })
      results = []
      sent_at = performance.now()
    }
    Atomics.add(progress, 0, 1)
    let failure: ParserFailure | undefined
    try {
      results.push(
        batch.given_up === undefined
          ? parseText(text)
          : failedFacts(text, 'unparsed', batch.given_up),
      )
    } catch (error) {
      failure = failureOf(error)
      results.push(failedFacts(text, 'unparsed', failure.problem))
    }
    Atomics.add(progress, 1, 1)
    served++
    const completes_batch = index === batch.texts.length - 1
    if (failure !== undefined) {
      stopped = true
      send({ results, completes_batch, failure })
      return
    }
    if (completes_batch) send({ results, completes_batch })
  }
}

await loadModule()
port.on('message', (batch: ParserBatch) => {
  if (!stopped) work(batch)
})
port.postMessage(parser_ready)

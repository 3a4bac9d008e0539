import { parentPort, workerData } from 'node:worker_threads'
import { loadModule } from 'libpg-query'
import { failedFacts, parseText } from '../../dist/sql/parse-text.js'

/**
 * A worker that never comes back from a text with the word `stuck`, unless it is to redact it only.
 * How long the real parser takes depends on the machine.
 */
function factsOf(text, given_up) {
  if (given_up !== undefined) return failedFacts(text, 'unparsed', given_up)
  while (text.includes('stuck'));
  return parseText(text)
}

await loadModule()
parentPort.on('message', ({ texts, given_up }) => {
  for (const [index, text] of texts.entries()) {
    Atomics.add(workerData.progress, 0, 1)
    const results = [factsOf(text, given_up)]
    Atomics.add(workerData.progress, 1, 1)
    parentPort.postMessage({ results, completes_batch: index === texts.length - 1 })
  }
})
parentPort.postMessage('ready')

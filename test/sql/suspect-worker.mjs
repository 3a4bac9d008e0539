import { parentPort, workerData } from 'node:worker_threads'

/**
 * A worker that fails as a broken parser does: at `innocent` only when it has served others before,
 * at `guilty` always. No text is known that makes the real parser fail so, since it is replaced
 * before it can be broken.
 */
let served = 0
let stopped = false

parentPort.on('message', ({ texts }) => {
  if (stopped) return
  const results = []
  for (const [index, text] of texts.entries()) {
    Atomics.add(workerData.progress, 0, 1)
    const fails = text === 'guilty' || (text === 'innocent' && served > 0)
    results.push({ status: fails ? 'unparsed' : 'parsed', statements: [], weight: 1 })
    Atomics.add(workerData.progress, 1, 1)
    const doubtful = served++ > 0
    if (!fails) continue
    stopped = true
    const completes_batch = index === texts.length - 1
    parentPort.postMessage({ results, completes_batch, failure: { problem: text, doubtful } })
    return
  }
  parentPort.postMessage({ results, completes_batch: true })
})
parentPort.postMessage('ready')

import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { WitnessError } from '../errors.js'
import type { TrailMemory } from './control-words.js'
import { TrailWriter } from './trail-writer.js'
import type { WriterCommand, WriterMessage, WriterSetup } from './writer-messages.js'

/** What the relay loop hands to the thread of the writer. */
export interface WriterThreadData {
  readonly memory: TrailMemory
  readonly setup: WriterSetup
  readonly port: MessagePort
}

/**
 * The thread of the writer. It never returns to its event loop until the trail is closed, so it
 * takes commands by asking the port; its own messages arrive all the same.
 */
function run({ memory, setup, port }: WriterThreadData): void {
  const report = (message: WriterMessage): void => port.postMessage(message)
  let retain = setup.options.retain
  const closing = (): string | undefined => {
    for (;;) {
      const received: { message: WriterCommand } | undefined = receiveMessageOnPort(port)
      if (received === undefined) return undefined
      if (received.message.kind === 'close') return received.message.reason
      retain = received.message.retain
    }
  }
  const writer = new TrailWriter(memory, setup, { report, closing, retain: () => retain })
  try {
    writer.start()
  } catch (error) {
    if (!(error instanceof WitnessError)) throw error
    report({ kind: 'refused', code: error.code, message: error.message })
    port.close()
    return
  }
  while (writer.step()) writer.rest()
  port.close()
}

run(workerData)

import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { WitnessError } from '../errors.js'
import { FencedError, type TrailMemory } from './control-words.js'
import { TrailWriter } from './trail-writer.js'
import type { CloseCommand, WriterCommand, WriterMessage, WriterSetup } from './writer-messages.js'

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
  const closing = (): CloseCommand | undefined => {
    for (;;) {
      const received: { message: WriterCommand } | undefined = receiveMessageOnPort(port)
      if (received === undefined) return undefined
      if (received.message.kind === 'close') return received.message
      retain = received.message.retain
    }
  }
  const writer = new TrailWriter(memory, setup, { report, closing, retain: () => retain })
  try {
    writer.start()
    while (writer.step()) writer.rest()
  } catch (error) {
    if (error instanceof WitnessError) {
      report({ kind: 'refused', code: error.code, message: error.message })
    } else if (!(error instanceof FencedError)) {
      throw error
    }
  }
  port.close()
}

run(workerData)

import { connect, type Socket } from 'node:net'
import { message, startupPacket } from '../../support/raw-client.js'

const ready_for_query = 'Z'

/** A session that costs this process little, so that thousands can be held: it has no buffers. */
export interface RawSession {
  /** Sends a Query and resolves when the server is ready again. */
  query(text: string): Promise<void>
  end(): void
}

/** Logs in without a password and resolves when the server is ready. */
export async function openRawSession(port: number): Promise<RawSession> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  await nextReady(socket, () => {
    socket.write(
      startupPacket({ user: 'postgres', database: 'postgres', application_name: 'idle' }),
    )
  })
  return {
    query: (text) => nextReady(socket, () => socket.write(message('Q', `${text}\0`))),
    end: () => {
      socket.destroy()
    },
  }
}

/** ReadyForQuery is the last message of an answer: `Z`, a length of 5, a status. */
function nextReady(socket: Socket, send: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let tail = ''
    const settle = (error?: Error) => {
      socket.removeAllListeners()
      socket.on('error', () => {})
      if (error === undefined) resolve()
      else reject(error)
    }
    socket.on('error', settle)
    socket.on('close', () => settle(new Error(`the session was ended: ${tail}`)))
    socket.on('data', (chunk: Buffer) => {
      tail = `${tail}${chunk.toString('latin1')}`.slice(-200)
      if (tail.at(-6) === ready_for_query) settle()
    })
    send()
  })
}

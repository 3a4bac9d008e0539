import { bind, execute, int16, int32, message, parse, query, sync } from '../support/messages.js'
import { startupPacket } from '../support/raw-client.js'
import { serverMajor } from '../support/server-binaries.js'
import type { Difference } from './differences.js'
import type { Conversation } from './login-conversations.js'

/** What is against the protocol, and how our answer differs from the server's. */
export interface Malformed extends Conversation {
  readonly difference: Difference | 'none'
}

const server_major = serverMajor()
const user = 'trusted'
const database = 'talk'
const nul = Buffer.alloc(1)

/** Messages after a login; then Sync, a last Query and Terminate, all in one packet. */
function afterLogin(
  difference: Difference | 'none',
  name: string,
  ...parts: readonly Buffer[]
): Malformed {
  return {
    name,
    difference,
    async run(talk) {
      await talk.login()
      talk.send(query('SELECT 1'), ...parts, sync(), query('SELECT 2'))
      await talk.finish()
    },
  }
}

/** The first bytes of a connection; the client then waits for its end. */
function atFirst(
  difference: Difference | 'none',
  name: string,
  ...parts: readonly (Buffer | string)[]
): Malformed {
  return {
    name,
    difference,
    async run(talk) {
      talk.raw.send(...parts)
      talk.raw.socket.end()
      await talk.closed()
    },
  }
}

/** In the place of the password. */
function asPassword(
  difference: Difference | 'none',
  name: string,
  ...parts: readonly Buffer[]
): Malformed {
  return {
    name,
    difference,
    async run(talk) {
      talk.send(startupPacket({ user: 'plain', database }))
      await talk.until(/R/)
      talk.send(...parts)
      await talk.closed()
    },
  }
}

function header(letter: string, length: number): Buffer {
  return Buffer.concat([Buffer.from(letter), int32(length)])
}

const packet = startupPacket({ user, database })

export const malformed_conversations: readonly Malformed[] = [
  afterLogin('words', 'a type that does not exist', message('q', 'x')),
  afterLogin('words', 'a password where none was asked for', message('p', 'x\0')),
  afterLogin('told', 'a length of 3', header('Q', 3)),
  afterLogin('told', 'a length below 0', header('Q', -1)),
  afterLogin('told', 'a length of 2 GiB', header('Q', 0x7fffffff)),
  afterLogin('told', 'a Sync longer than any', header('S', 70_000)),
  afterLogin('ended', 'Query without an end', message('Q', 'SELECT 3')),
  afterLogin('ended', 'Query with something behind its end', message('Q', 'SELECT 3\0SELECT 4\0')),
  afterLogin('ended', 'an empty Query message', message('Q')),
  afterLogin('ended', 'Parse without an end', message('P', 's')),
  afterLogin('ended', 'Parse without its types', message('P', 's\0SELECT 3\0')),
  afterLogin(
    'ended',
    'Parse with too few types',
    message('P', 's\0SELECT 3\0', int16(2), int32(23)),
  ),
  afterLogin('ended', 'Parse with fewer types than none', message('P', 's\0SELECT 3\0', int16(-1))),
  afterLogin('ended', 'Parse with something behind', message('P', 's\0SELECT 3\0', int16(0), 'x')),
  afterLogin(
    'ended',
    'Bind cut short',
    parse('', 'SELECT $1'),
    message('B', nul, nul, int16(0), int16(1)),
  ),
  afterLogin(
    'ended',
    'Bind with a value longer than the message',
    parse('', 'SELECT $1'),
    message('B', nul, nul, int16(0), int16(1), int32(9), 'x', int16(0)),
  ),
  afterLogin(
    'ended',
    'Bind with a value of length -2',
    parse('', 'SELECT $1'),
    message('B', nul, nul, int16(0), int16(1), int32(-2), int16(0)),
  ),
  afterLogin(
    'ended',
    'Bind with something behind',
    parse('', 'SELECT 3'),
    message('B', nul, nul, int16(0), int16(0), int16(0), 'x'),
  ),
  afterLogin(
    'none',
    'Bind with two formats for three values',
    parse('', 'SELECT $1, $2, $3'),
    bind('', '', ['1', '2', '3'], [0, 0]),
  ),
  afterLogin('ended', 'Execute without its number', message('E', nul)),
  afterLogin('ended', 'Execute with something behind', message('E', nul, int32(0), 'x')),
  afterLogin(
    'none',
    'Execute with a number below 0',
    parse('', 'SELECT 3'),
    bind('', ''),
    execute('', -5),
  ),
  afterLogin('ended', 'Describe of nothing', message('D', 'Z', nul)),
  afterLogin('ended', 'Describe without a name', message('D', 'S')),
  afterLogin('ended', 'an empty Describe', message('D')),
  afterLogin('ended', 'Close of nothing', message('C', 'Z', nul)),
  afterLogin('ended', 'Close without a name', message('C', 'P')),
  afterLogin('ended', 'FunctionCall cut short', message('F', int32(1598), int16(0))),
  afterLogin('ended', 'an empty FunctionCall', message('F')),
  afterLogin(
    'ended',
    'FunctionCall with something behind',
    message('F', int32(1598), int16(0), int16(0), int16(0), 'x'),
  ),
  afterLogin('ended', 'Sync with a body', message('S', 'x')),
  afterLogin('ended', 'Flush with a body', message('H', 'x')),
  afterLogin('none', 'Terminate with a body', message('X', 'x')),
  afterLogin('none', 'CopyFail without an end', message('f', 'x')),
  afterLogin('none', 'a name of 100 kB', parse('n'.repeat(100_000), 'SELECT 3')),
  atFirst('told', 'a request of the web', 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
  atFirst('told', 'a startup packet of 2 GiB', int32(0x7fffffff), int32(196608)),
  atFirst(
    'words',
    'a startup packet of 10,004 bytes',
    int32(10_004),
    int32(196608),
    Buffer.alloc(9_996, 'x'),
  ),
  atFirst('told', 'a startup packet of 10,005 bytes', int32(10_005), int32(196608)),
  atFirst('told', 'a startup packet of 7 bytes', int32(7), Buffer.from([0, 3, 0])),
  atFirst('told', 'a startup packet of 3 bytes', int32(3)),
  atFirst('words', 'a startup packet without parameters', int32(8), int32(196608)),
  atFirst('told', 'a startup packet without an end', packet.subarray(0, packet.length - 4)),
  atFirst(
    'words',
    'a startup packet whose last name has no value',
    int32(15),
    int32(196608),
    'user\0u\0',
  ),
  atFirst(
    'words',
    'a startup packet with something behind its end',
    int32(21),
    int32(196608),
    'user\0u\0\0more\0',
  ),
  ...(server_major < 18
    ? []
    : [
        // The versions that the message names are those of PostgreSQL 18.
        atFirst('none', 'protocol 1.0', startupPacket({ user, database }, 65_536)),
        atFirst('none', 'protocol 2.0', startupPacket({ user, database }, 131_072)),
      ]),
  atFirst('words', 'protocol 4.0', startupPacket({ user, database }, 262_144)),
  atFirst('words', 'protocol 3.0 twice', packet, packet),
  atFirst('words', 'an unknown request of protocol 1234', int32(8), int32(80877100)),
  atFirst('none', 'a request for TLS that is too long', int32(12), int32(80877103), int32(0)),
  atFirst('told', 'a cancel request that is too short', int32(12), int32(80877102), int32(0)),
  asPassword('words', 'a Query instead of a password', query('SELECT 1')),
  asPassword('words', 'Terminate instead of a password', message('X')),
  asPassword('none', 'a password without an end', message('p', 'x')),
  asPassword('none', 'a password with something behind', message('p', 'x\0y\0')),
  asPassword('told', 'a password of 3 bytes of length', header('p', 3)),
  asPassword('told', 'a password of 1 MiB', message('p', 'x'.repeat(1_048_576), nul)),
]

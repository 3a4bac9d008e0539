import {
  bind,
  bindComplete,
  closeComplete,
  closePortal,
  closeStatement,
  complete,
  copyData,
  copyDone,
  copyFail,
  copyInResponse,
  copyOutResponse,
  dataRow,
  describePortal,
  describeStatement,
  empty,
  execute,
  failure,
  flush,
  functionCall,
  functionResult,
  noData,
  notice,
  parameterDescription,
  parse,
  parseComplete,
  query,
  ready,
  rowDescription,
  setting,
  suspended,
  sync,
} from '../support/messages.js'
import type { Random } from './random.js'
import { type Line, linesOf } from './script.js'

/** What a client sends and what the server answers to it. */
interface Exchange {
  readonly asked: Buffer
  readonly answered: Buffer
}

const statements = ['SELECT 1', 'SELECT 2', 'INSERT INTO t VALUES (1)', 'UPDATE t SET n = 1']
const tags: Readonly<Record<string, string>> = {
  'SELECT 1': 'SELECT 1',
  'SELECT 2': 'SELECT 1',
  'INSERT INTO t VALUES (1)': 'INSERT 0 1',
  'UPDATE t SET n = 1': 'UPDATE 1',
  'COPY t FROM STDIN': 'COPY 1',
  'COPY t TO STDOUT': 'COPY 1',
}
const tagOf = (text: string) => tags[text] ?? 'SELECT 1'

/**
 * A server of a few lines, which keeps to the protocol and writes down what it has run. It knows
 * no SQL; whether something fails is thrown by dice.
 */
export class ToyServer {
  readonly exchanges: Exchange[] = []
  /** `text outcome` of every execution, in order. */
  readonly ran: string[] = []
  errors = 0
  readonly #random: Random
  readonly #statements = new Map<string, string>()
  readonly #portals = new Map<string, { readonly text: string; suspended: boolean }>()
  #skipping = false

  constructor(random: Random) {
    this.#random = random
  }

  play(length: number): void {
    for (let left = length; left > 0; left--) this.#step()
    this.#sync()
  }

  #step(): void {
    const random = this.#random
    switch (random.below(12)) {
      case 0:
      case 1:
        this.#query()
        return
      case 2:
      case 3:
        this.#ask(random.pick(['', '', 's', 't']), random.pick(['', '', 'p', 'q']))
        return
      case 4:
        this.#execute(random.pick(['', 'p', 'q']))
        return
      case 5:
        this.#bind(random.pick(['', 'p', 'q']), random.pick(['', 's', 't']))
        return
      case 6:
        this.#close()
        return
      case 7:
        this.#call()
        return
      case 8:
        this.#copyIn()
        return
      case 9:
        this.#add(flush())
        return
      default:
        this.#sync()
        return
    }
  }

  #add(asked: Buffer, ...answers: readonly Buffer[]): void {
    const between = this.#random.once(20)
      ? [notice('by the way'), setting('application_name', 'x')]
      : []
    this.exchanges.push({
      asked,
      answered: Buffer.concat(answers.length > 0 ? [...between, ...answers] : []),
    })
  }

  /** The rest of the pipeline is thrown away; gives the answer. */
  #fail(sqlstate: string): Buffer {
    this.errors++
    this.#skipping = true
    return failure(sqlstate)
  }

  #endTransaction(): void {
    this.#portals.clear()
  }

  #query(): void {
    const random = this.#random
    const texts = Array.from({ length: random.below(4) }, () => random.pick(statements))
    const asked = query(texts.join(random.pick([';', ' ; ', ';\n'])))
    if (this.#skipping) {
      this.#add(asked)
      return
    }
    this.#statements.delete('')
    const answers: Buffer[] = texts.length === 0 ? [empty()] : []
    for (const text of texts) {
      if (random.once(8)) {
        this.errors++
        this.ran.push(`${text} failure`)
        answers.push(failure('22012'))
        break
      }
      this.ran.push(`${text} success`)
      if (text.startsWith('SELECT')) answers.push(rowDescription('n'), dataRow('1'))
      answers.push(complete(tagOf(text)))
    }
    this.#endTransaction()
    this.#add(asked, ...answers, ready())
  }

  #ask(name: string, portal: string): void {
    const random = this.#random
    const text = random.pick([...statements, 'COPY t TO STDOUT'])
    const asked = parse(name, text)
    if (this.#skipping) this.#add(asked)
    else if ((name !== '' && this.#statements.has(name)) || random.once(12)) {
      // The unnamed statement goes first, whatever comes of the new one.
      if (name === '') this.#statements.delete('')
      this.#add(asked, this.#fail('42P05'))
    } else {
      this.#statements.set(name, text)
      this.#add(asked, parseComplete())
      if (random.once(4)) {
        this.#add(describeStatement(name), parameterDescription(), noData())
      }
    }
    this.#bind(portal, name)
    this.#execute(portal)
  }

  #bind(portal: string, name: string): void {
    const asked = bind(portal, name)
    if (this.#skipping) {
      this.#add(asked)
      return
    }
    const text = this.#statements.get(name)
    const taken = portal !== '' && this.#portals.has(portal)
    if (text === undefined || taken || this.#random.once(15)) {
      this.#add(asked, this.#fail(text === undefined ? '26000' : '42P03'))
      return
    }
    this.#portals.set(portal, { text, suspended: false })
    this.#add(asked, bindComplete())
    if (this.#random.once(4)) this.#add(describePortal(portal), rowDescription('n'))
  }

  #execute(name: string): void {
    const random = this.#random
    const limit = random.below(2)
    const asked = execute(name, limit)
    if (this.#skipping) {
      this.#add(asked)
      return
    }
    const portal = this.#portals.get(name)
    if (portal === undefined) {
      this.ran.push(' failure')
      this.#add(asked, this.#fail('34000'))
      return
    }
    if (random.once(10)) {
      this.ran.push(`${portal.text} failure`)
      this.#add(asked, this.#fail('22012'))
      return
    }
    if (portal.text === 'COPY t TO STDOUT') {
      this.ran.push(`${portal.text} success`)
      this.#add(asked, copyOutResponse(), copyData('1\n'), copyDone(), complete('COPY 1'))
      return
    }
    const suspends = limit > 0 && portal.text.startsWith('SELECT') && random.once(2)
    this.ran.push(`${portal.text} ${suspends ? 'suspended' : 'success'}`)
    this.#add(asked, dataRow('1'), suspends ? suspended() : complete(tagOf(portal.text)))
  }

  #close(): void {
    const random = this.#random
    const name = random.pick(['', 's', 'p'])
    const of_statement = random.once(2)
    const asked = of_statement ? closeStatement(name) : closePortal(name)
    if (this.#skipping) {
      this.#add(asked)
      return
    }
    if (of_statement) this.#statements.delete(name)
    else this.#portals.delete(name)
    this.#add(asked, closeComplete())
  }

  #call(): void {
    const asked = functionCall(177, ['1', '2'])
    if (this.#skipping) {
      this.#add(asked)
      return
    }
    const fails = this.#random.once(4)
    if (fails) this.errors++
    this.ran.push(fails ? ' failure' : ' success')
    this.#endTransaction()
    this.#add(asked, fails ? failure('42883') : functionResult('3'), ready())
  }

  /** COPY FROM by a Query; the data may come before the server says anything. */
  #copyIn(): void {
    const random = this.#random
    const text = 'COPY t FROM STDIN'
    const data = [copyData('1\n'), ...(random.once(3) ? [flush(), sync()] : [])]
    const asked = query(text)
    if (this.#skipping) {
      this.#add(asked)
      return
    }
    this.#statements.delete('')
    const gives_up = random.once(3)
    this.ran.push(`${text} ${gives_up ? 'failure' : 'success'}`)
    if (gives_up) this.errors++
    this.#add(asked, copyInResponse())
    this.#endTransaction()
    const end = gives_up ? [failure('57014'), ready()] : [complete('COPY 1'), ready()]
    this.#add(Buffer.concat([...data, gives_up ? copyFail('no') : copyDone()]), ...end)
  }

  #sync(): void {
    this.#skipping = false
    this.#endTransaction()
    this.#add(sync(), ready())
  }
}

/** The client runs ahead of the server by a random distance; no answer comes before its request. */
export function interleave(exchanges: readonly Exchange[], random: Random): Line[] {
  const lines: Line[] = []
  let asked = 0
  let answered = 0
  while (answered < exchanges.length) {
    if (asked < exchanges.length && (asked === answered || random.once(2))) {
      lines.push(...linesOf('>', exchanges[asked]?.asked ?? Buffer.alloc(0)))
      asked++
    } else {
      lines.push(...linesOf('<', exchanges[answered]?.answered ?? Buffer.alloc(0)))
      answered++
    }
  }
  return lines
}

import pg from 'pg'

/** Where the session connects, and whom it tells what it does. */
export interface DemoSessionOptions {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  report(line: string): void
}

/** What identifies the session's records. */
export interface DemoSession {
  /** Process id of the server's backend. */
  readonly pid: number
}

const database = 'postgres'

const statements = [
  'CREATE SCHEMA IF NOT EXISTS myschema',
  'SET search_path TO myschema, public',
  'CREATE TABLE IF NOT EXISTS account (id int, name text, password text, description text)',
  "INSERT INTO account VALUES (1, 'user1', 'pass1', 'first account')",
  'SELECT * FROM account',
] as const

/** Runs the scripted session: the founding example, a refused login, a statement that fails. */
export async function runDemoSession(options: DemoSessionOptions): Promise<DemoSession> {
  const client = await connect(options, options.password)
  try {
    for (const text of statements) {
      const { rowCount } = await client.query(text)
      options.report(`${text};${rowCount === null ? '' : `  -- ${rowCount} row`}`)
    }
    const refusal = await failureOf(async () => {
      const stranger = await connect(options, 'not the password')
      await stranger.end()
    })
    options.report(`-- a login with a wrong password: ${refusal}`)
    const failing = 'SELECT * FROM nowhere'
    const failure = await failureOf(() => client.query(failing))
    options.report(`${failing};  -- ${failure}`)
    // From BackendKeyData; the driver keeps it without declaring it.
    const pid: unknown = Reflect.get(client, 'processID')
    return { pid: typeof pid === 'number' ? pid : 0 }
  } finally {
    await client.end()
  }
}

async function connect(options: DemoSessionOptions, password: string): Promise<pg.Client> {
  const { host, port, user } = options
  const client = new pg.Client({ host, port, user, password, database, application_name: 'demo' })
  await client.connect()
  return client
}

/** The server's message for what must fail; that it does not is an error here. */
async function failureOf(attempt: () => Promise<unknown>): Promise<string> {
  try {
    await attempt()
  } catch (error) {
    if (error instanceof pg.DatabaseError) return `${error.code}: ${error.message}`
    throw error
  }
  throw new Error('the server accepted what it should have refused')
}

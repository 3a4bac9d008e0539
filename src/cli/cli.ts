import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { WitnessError } from '../errors.js'
import { packageVersion } from '../lib/package-version.js'
import { describeError } from './report-error.js'
import {
  gather,
  gatherClasses,
  readLines,
  readSince,
  type TailCommandFlags,
  tailOptions,
} from './tail-flags.js'

/** Exit status of a command line that was not understood. */
const usage_status = 2
/** Exit status of a configuration or a start that failed. */
const failure_status = 1

/** `verify` could not tell anything. */
const unverifiable_status = 3

/** How a pipe or socket says that nobody reads it, and what a stream says of writes behind an error. */
const gone_codes = ['EPIPE', 'ECONNRESET', 'ERR_STREAM_DESTROYED']

const formats = ['json', 'csv'] as const

/**
 * Runs one command line (without program name) and gives its exit status: 0 when all went well, 1
 * for an error that was told on stderr, 2 for a command line that was not understood.
 */
export async function runCli(command_line: readonly string[]): Promise<number> {
  let status = 0
  const program = createProgram((outcome) => {
    status = outcome
  })
  try {
    await program.parseAsync(textLast(command_line), { from: 'user' })
    return status
  } catch (error) {
    if (error instanceof CommanderError) {
      // The message is out already; help and version end this way too, with status 0.
      if (error.exitCode === 0) return 0
      // What `verify` answers is a verdict, where 2 means something else.
      return command_line[0] === 'verify' ? unverifiable_status : usage_status
    }
    process.stderr.write(describeError(error))
    return failure_status
  }
}

/**
 * The exit status of a command that went well, but whose output may be lost: on a full disk half a
 * trail must not pass for all of it. A reader or a terminal that has gone has seen enough.
 */
export function lostOutput(
  command_line: readonly string[],
  error: NodeJS.ErrnoException | undefined,
): number {
  const { code = '', message = '' } = error ?? {}
  if (error === undefined || process.stdout.isTTY || gone_codes.includes(code)) return 0
  const reason = new WitnessError('output.failed', `standard output is not whole: ${message}`)
  process.stderr.write(describeError(reason))
  return command_line[0] === 'verify' ? unverifiable_status : failure_status
}

/** A text to explain may begin with a comment, which is no option: `--` and a blank. */
function textLast(command_line: readonly string[]): readonly string[] {
  const at = command_line.findIndex((word) => /^--\s/.test(word))
  const text = command_line[at]
  if (command_line[0] !== 'explain' || text === undefined || command_line.includes('--')) {
    return command_line
  }
  return [...command_line.slice(0, at), ...command_line.slice(at + 1), '--', text]
}

/** The commands; each loads its own code only when it is asked for. */
function createProgram(setStatus: (status: number) => void): Command {
  const program = new Command('pgwitness')
    .description('Audit proxy for PostgreSQL: relays every byte, records every statement.')
    .version(packageVersion(), '--version', 'print the version')
    .helpOption('--help', 'print help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, 'pgwitness: ')),
    })
    .showHelpAfterError('(see --help)')
  addRun(program, setStatus)
  addCheck(program, setStatus)
  addExplain(program, setStatus)
  addKeygen(program, setStatus)
  addVerify(program, setStatus)
  addTail(program, setStatus)
  addSetupSql(program, setStatus)
  addDemo(program, setStatus)
  return program
}

function formatOption(): Option {
  return new Option('--format <format>', 'format of the audit files').choices(formats)
}

interface RunFlags {
  readonly config?: string
  readonly listen?: string
  readonly upstream?: string
  readonly auditDir?: string
  readonly format?: string
}

function addRun(program: Command, setStatus: (status: number) => void): void {
  program
    .command('run')
    .description('run the proxy until SIGTERM or SIGINT')
    .option('--config <file>', 'configuration file (YAML)')
    .option('--listen <host:port>', 'where applications connect (default 127.0.0.1:7432)')
    .option('--upstream <url>', 'the server, as postgres://host:port')
    .option('--audit-dir <directory>', 'directory of the audit files (default ./audit)')
    .addOption(formatOption())
    .action(async ({ config, listen, upstream, auditDir, format }: RunFlags) => {
      const { run } = await import('./run.js')
      const flags = {
        ...(listen === undefined ? {} : { listen }),
        ...(upstream === undefined ? {} : { upstream }),
        ...(auditDir === undefined ? {} : { audit_directory: auditDir }),
        ...(format === undefined ? {} : { format }),
      }
      setStatus(await run({ ...(config === undefined ? {} : { file: config }), flags }))
    })
}

function addCheck(program: Command, setStatus: (status: number) => void): void {
  program
    .command('check')
    .description('check a configuration and print what results from it')
    .option('--config <file>', 'configuration file (YAML)')
    .action(async ({ config }: { readonly config?: string }) => {
      const { check } = await import('./check.js')
      setStatus(await check(config))
    })
}

interface ExplainFlags {
  readonly config?: string
  readonly upstream?: string
  readonly user?: string
  readonly database?: string
  readonly searchPath?: string
  readonly replication?: boolean
  readonly catalog: boolean
}

function addExplain(program: Command, setStatus: (status: number) => void): void {
  program
    .command('explain')
    .description('say how a text would be recorded, and why')
    .argument('<sql>', 'one or more SQL statements, in quotes')
    .option('--config <file>', 'configuration file: its rules are asked, its catalog is read')
    .option('--upstream <url>', 'the server whose catalog is read, as postgres://host:port')
    .option('--user <name>', 'the role that sends the text')
    .option('--database <name>', 'the database that it is sent to (default postgres)')
    .option('--search-path <list>', 'search_path of the session (default as in the catalog)')
    .option('--replication', 'read it as a replication connection does')
    .option('--no-catalog', 'leave the catalog unread')
    .action(async (sql: string, { searchPath, replication, ...flags }: ExplainFlags) => {
      const { explain } = await import('./explain.js')
      const options = {
        ...flags,
        replication: replication === true,
        ...(searchPath === undefined ? {} : { search_path: searchPath }),
      }
      setStatus(await explain(sql, options))
    })
}

function addKeygen(program: Command, setStatus: (status: number) => void): void {
  program
    .command('keygen')
    .description('make a key pair for the seals of the trail')
    .requiredOption('--out <name>', 'writes NAME.key (private) and NAME.pub (public)')
    .action(async ({ out }: { readonly out: string }) => {
      const { keygen } = await import('./keygen.js')
      setStatus(keygen(out))
    })
}

interface VerifyCommandFlags {
  readonly key?: readonly string[]
  readonly anchor?: string
  readonly serverLog?: string
  readonly unsigned?: boolean
  readonly progress?: boolean
}

function addVerify(program: Command, setStatus: (status: number) => void): void {
  program
    .command('verify')
    .description(
      'check that a trail was not altered; status 0: intact, 1: altered, 2: incomplete, 3: cannot be verified',
    )
    .argument('<directory>', 'directory of the audit files')
    .option('--key <file>', 'public key that may have signed; may be given more than once', gather)
    .option('--anchor <file>', 'file of audit.seal.copy: shows removed newest files and rollbacks')
    .option('--server-log <file>', 'server log that took records while no file could be written')
    .option('--unsigned', 'check the chain of hashes alone: seals need no signature')
    .option('--progress', 'tell on standard error how far it is, also when that is no terminal')
    .action(async (directory: string, given: VerifyCommandFlags) => {
      const { verify } = await import('./verify.js')
      const flags = {
        keys: given.key ?? [],
        unsigned: given.unsigned === true,
        progress: given.progress === true,
        ...(given.anchor === undefined ? {} : { anchor: given.anchor }),
        ...(given.serverLog === undefined ? {} : { server_log: given.serverLog }),
      }
      setStatus(await verify(directory, flags))
    })
}

function addTail(program: Command, setStatus: (status: number) => void): void {
  program
    .command('tail')
    .description('show records of a trail as they come')
    .argument('[directory]', 'directory of the audit files (default as configured)')
    .option('--config <file>', 'configuration file that names the directory')
    .option('--class <classes>', 'of these classes, as in a rule: WRITE,DDL', gatherClasses)
    .option('--user <glob>', 'of this user; may be given more than once', gather)
    .option('--object <glob>', 'on this object: "finance.*"; may be given more than once', gather)
    .option('--failed', 'failures only')
    .option('--since <when>', 'since a time, or for so long: 2026-11-21T22:06, 90s, 1h', readSince)
    .option(
      '-n, --lines <number>',
      'records to begin with (default 10; all with --since)',
      readLines,
    )
    .option('--no-follow', 'end with the last record instead of waiting for more')
    .addOption(
      new Option('-o, --output <format>', 'how records are shown')
        .choices(['pretty', 'json', 'csv'] as const)
        .default('pretty'),
    )
    .option('--no-color', 'without colours (also by NO_COLOR in the environment)')
    .action(async (directory: string | undefined, given: TailCommandFlags) => {
      const { tail } = await import('./tail.js')
      setStatus(await tail(tailOptions(directory, given)))
    })
}

interface SetupSqlFlags {
  readonly config?: string
  readonly table?: boolean
  readonly role?: string
}

function addSetupSql(program: Command, setStatus: (status: number) => void): void {
  program
    .command('setup-sql')
    .description('print SQL for psql: the role that reads the catalog, or a table for records')
    .option('--config <file>', 'configuration file that names role and directory')
    .option('--table', 'a table for records in an audit database, and how to load it')
    .option(
      '--role <name>',
      'the role that reads (default as configured, or pgwitness; auditor)',
      readName,
    )
    .action(async ({ config, table, role }: SetupSqlFlags) => {
      const { setupSql } = await import('./setup-sql.js')
      const named = {
        ...(config === undefined ? {} : { config }),
        ...(role === undefined ? {} : { role }),
      }
      setStatus(setupSql({ table: table === true, ...named }))
    })
}

function readName(text: string): string {
  if (/^[^\x00-\x1f\x7f]{1,63}$/.test(text)) return text
  throw new InvalidArgumentError('Write the name of a role, of at most 63 characters.')
}

function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (port <= 65_535) return port
  throw new InvalidArgumentError('Write a number from 0 (any free one) to 65535.')
}

interface DemoFlags {
  readonly session: boolean
  readonly exit?: boolean
  readonly port?: number
  readonly auditDir?: string
  readonly format: 'json' | 'csv'
}

function addDemo(program: Command, setStatus: (status: number) => void): void {
  program
    .command('demo')
    .description('start a scratch PostgreSQL with the proxy before it, and show a few records')
    .option('--no-session', 'leave out the short scripted session')
    .option('--exit', 'end after the session instead of staying up')
    .option('--port <port>', 'port of the proxy (default 7432, or the next free one)', readPort)
    .option('--audit-dir <directory>', 'directory of the audit files (default a new one)')
    .addOption(formatOption().default('json'))
    .action(async ({ session, exit, port, auditDir, format }: DemoFlags) => {
      const { demo } = await import('./demo.js')
      const options = {
        session,
        exit: exit === true,
        format,
        ...(port === undefined ? {} : { port }),
        ...(auditDir === undefined ? {} : { audit_directory: auditDir }),
      }
      setStatus(await demo(options))
    })
}

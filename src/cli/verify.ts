import { createPublicKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { WitnessError } from '../errors.js'
import type { Finding } from '../trail/findings.js'
import { type VerifyReport, verifyTrail } from '../trail/verify-trail.js'
import { describeError } from './report-error.js'
import { oneLine } from './terminal-text.js'

export interface VerifyFlags {
  readonly keys: readonly string[]
  readonly anchor?: string
  readonly server_log?: string
  readonly unsigned: boolean
  /** Tell how far it is also where nobody sees a line being written over. */
  readonly progress: boolean
}

/** Status of a trail that cannot be verified. */
const unverifiable_status = 3

const progress_ms = 500
/** In a log or a pipe each time is a line. */
const progress_line_ms = 5_000

const verdict_words = {
  0: 'INTACT',
  1: 'ALTERED',
  2: 'INCOMPLETE: no sign of alteration, but something is missing or not proven',
  3: 'NOT VERIFIED',
} as const

/** Checks a trail and prints what was found. Needs neither a running pgwitness nor a secret. */
export async function verify(directory: string, flags: VerifyFlags): Promise<number> {
  const on_terminal = process.stderr.isTTY === true
  const progress = on_terminal || flags.progress ? tellProgress(on_terminal) : undefined
  try {
    const report = await verifyTrail({
      directory,
      keys: flags.keys.map(readPublicKey),
      unsigned: flags.unsigned,
      now_ms: Date.now(),
      ...(flags.anchor !== undefined && { anchor: flags.anchor }),
      ...(flags.server_log !== undefined && { server_log: flags.server_log }),
      ...(progress !== undefined && { progress }),
    })
    if (on_terminal) process.stderr.write('\r\u001b[K')
    process.stdout.write(describeReport(report, flags))
    return report.findings.verdict
  } catch (error) {
    // The status of other commands' errors would read as "altered" here.
    process.stderr.write(describeError(asWitnessError(error)))
    return unverifiable_status
  }
}

function asWitnessError(error: unknown): unknown {
  if (!(error instanceof Error) || !('syscall' in error)) return error
  return new WitnessError('verify.unreadable', error.message, { cause: error })
}

function readPublicKey(path: string): KeyObject {
  const failed = (reason: string): WitnessError =>
    new WitnessError('verify.key', `${path} ${reason}`)
  let pem: string
  try {
    pem = readFileSync(path, 'utf8')
  } catch (error) {
    throw failed(`cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
  // A private key would do as well, but does not belong where trails are verified.
  if (pem.includes('PRIVATE KEY')) throw failed('is a private key')
  let key: KeyObject
  try {
    key = createPublicKey(pem)
  } catch {
    throw failed('holds no public key')
  }
  if (key.asymmetricKeyType !== 'ed25519') throw failed('is no Ed25519 key')
  return key
}

function tellProgress(on_terminal: boolean): (done_bytes: number, total_bytes: number) => void {
  let told_ms = 0
  return (done_bytes, total_bytes) => {
    const now_ms = performance.now()
    const pause_ms = on_terminal ? progress_ms : progress_line_ms
    // The end is told too, so that a log shows how much it was.
    if (now_ms - told_ms < pause_ms && (on_terminal || done_bytes < total_bytes)) return
    told_ms = now_ms
    const percent = total_bytes === 0 ? 100 : Math.floor((done_bytes / total_bytes) * 100)
    const text = `verifying: ${percent} % (${Math.floor(done_bytes / 2 ** 20)} MiB)`
    process.stderr.write(on_terminal ? `\r${text}\u001b[K` : `${text}\n`)
  }
}

function describeReport(report: VerifyReport, flags: VerifyFlags): string {
  const { findings, files, bytes, records, seals, signed, last, live } = report
  const lines = findings.kept.map(describeFinding)
  if (findings.left_out > 0) lines.push(`… and ${findings.left_out} findings more`)
  const running = live ? '; pgwitness is writing to it' : ''
  lines.push(
    `${files} files, ${bytes} bytes, ${records} records, ${seals} seals (${signed} with a good signature)${running}`,
  )
  if (last !== undefined) {
    lines.push(
      `last seal: ${oneLine(last.file)}, byte ${last.to}, ${last.time}, start ${last.epoch}`,
    )
  }
  if (flags.anchor === undefined) {
    lines.push(
      'without an anchor (--anchor) nothing shows whether the newest files were removed together with ' +
        'their seals, or the whole directory was set back to an earlier state',
    )
  }
  lines.push(verdict_words[findings.verdict])
  return `${lines.join('\n')}\n`
}

function describeFinding({ kind, file, bytes, records, text }: Finding): string {
  const place = [
    ...(file === undefined ? [] : [file]),
    ...(bytes === undefined ? [] : [`bytes ${bytes[0]}–${bytes[1]}`]),
    ...(records === undefined ? [] : [`records ${records[0]}–${records[1]}`]),
  ].join(', ')
  // Names and texts come from files that may have been forged.
  return oneLine(`${kind}: ${place === '' ? '' : `${place}: `}${text}`)
}

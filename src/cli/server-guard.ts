import { type ChildProcess, spawn } from 'node:child_process'
import { Socket } from 'node:net'

/**
 * Waits for the end of its input, which comes when we are gone, whatever ended us. The process id
 * is checked against the server's own file, since ids are used again.
 */
const script = `
read -r _
if [ "$(head -n 1 "$2/postmaster.pid" 2>/dev/null)" = "$1" ]; then kill -INT "$1"; fi
tries=0
while kill -0 "$1" 2>/dev/null && [ "$tries" -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
rm -rf -- "$3"
`

/**
 * Starts a shell that stops the server when this process ends without doing so, even by
 * `kill -9`: it holds the other end of a pipe to us. It then removes `scratch_directory`.
 * Kill it when the server has been stopped.
 */
export function guardServer(
  pid: number,
  data_directory: string,
  scratch_directory: string,
): ChildProcess {
  const arguments_ = ['-c', script, 'guard', String(pid), data_directory, scratch_directory]
  // Of its own process group, so that a Ctrl-C meant for us does not end it first.
  const guard = spawn('/bin/sh', arguments_, {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
  })
  guard.unref()
  if (guard.stdin instanceof Socket) guard.stdin.unref()
  return guard
}

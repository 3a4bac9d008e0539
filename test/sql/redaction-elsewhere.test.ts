import { describe, expect, it } from 'vitest'
import { analyseNow } from '../../src/sql/analyse-now.js'
import { redactUnparsedText } from '../../src/sql/redact.js'

const secret = 's3cr3tX'

/** Texts that the grammar accepts, in which the secret stands in no clause of its own. */
const hidden: readonly string[] = [
  // An argument that is named after a password.
  `call p(password => '${secret}')`,
  `select f(p_password := '${secret}'::text), g(1)`,
  `select s.f(1, "new_Secret" => $$${secret}$$)`,
  // Catalogs that a superuser may change.
  `update pg_user_mapping set umoptions = '{user=a,password=${secret}}'`,
  `update pg_subscription set subconninfo = 'host=h password=' || '${secret}'`,
  `update pg_settings set setting = '${secret}' where name = 'app.password'`,
  // SQL that is run by somebody else.
  `select query_to_xml('select crypt(''${secret}'', ''x'')', true, true, '')`,
  `select cron.schedule('x', '* * * * *', $$alter role r password '${secret}'$$)`,
  `insert into jobs values ('create user u password ''${secret}''')`,
  `create trigger t before insert on t for each row execute function set_password('${secret}')`,
  // A connection string as a name, or in pieces.
  `alter system set primary_conninfo = "host=h password=${secret}"`,
  `select dblink_connect(concat('host=h ', 'pass', 'word=', '${secret}'))`,
  `select dblink_connect(format('host=h %s=%s', 'password', '${secret}'))`,
  // Programs.
  `copy t to program 'curl -u bob:${secret} https://h'`,
  `copy t to program 'curl -H "Authorization: Bearer ${secret}" https://h'`,
  `copy t to program 'mysql -h x -p${secret}'`,
  `copy t to program 'mysql --password "${secret}"'`,
  `copy t from program 'sshpass -p ${secret} ssh h'`,
  `alter system set archive_command = 'curl --user bob:${secret} -T %p https://h'`,
  // Code in other languages.
  `create function f() returns text language plpython3u as $$ c = connect(password="${secret}") $$`,
  `create function f() returns text language plperlu as $$ my $password = "${secret}"; $$`,
  `create text search dictionary d (template = t, password = '${secret}')`,
]

describe('a secret in no clause of its own', () => {
  it.each(hidden)('is taken from %j', async (text) => {
    const { status, statements } = await analyseNow(text)
    expect(status).toBe('parsed')
    expect(statements[0]?.text).not.toContain(secret)
    expect(statements[0]?.text).toContain('<REDACTED>')
  })

  it.each([
    'call p(password => $1)',
    `update pg_settings set setting = $1 where name = 'x.secret'`,
  ])('is taken from the values of %j', async (text) => {
    expect((await analyseNow(text)).statements[0]?.secret_parameters).toBe(true)
  })

  it.each([
    `select f(a => 'x', key => 'y', password)`,
    `update pg_settings set setting = 'a, b' where name = 'search_path'`,
    `insert into notes values ('the role of users, and their groups')`,
    `copy t to program 'gzip -9 > /tmp/x && psql -p 5432 -U bob'`,
    `create function f() returns text language plpython3u as $$ c = connect(host="h") $$`,
  ])('is not seen in %j', async (text) => {
    expect((await analyseNow(text)).statements[0]?.text).toBe(text)
  })

  it.each(['my_pub1', '4.0-beta', 'user:find/1'])(
    'is not %j, which is no text of its own',
    (name) => {
      expect(redactUnparsedText(name)).toBe(name)
    },
  )

  it.each([
    ['roles', 'create role a password x; '.repeat(20_000)],
    ['strings', "execute 'create role a password ''x'''; ".repeat(20_000)],
    ['backslashes', "execute 'set \\'' password to ''x'''; ".repeat(20_000)],
    ['comments', '/* create role x password y */ '.repeat(20_000)],
    ['blanks', `${"'\n\n\n".repeat(20_000)} password`],
  ])('is looked for in linear time in a body of many %s', async (_name, body) => {
    const { statements } = await analyseNow(`do $body$ ${body} $body$`)
    expect(statements[0]?.text.length).toBeGreaterThan(0)
  })

  it.each([
    ['options', '--password '.repeat(50_000)],
    ['names', `mysql ${'a '.repeat(100_000)}`],
    ['dashes', `curl ${'-u a'.repeat(80_000)}`],
  ])('is looked for in linear time among many %s', (_name, text) => {
    expect(redactUnparsedText(`copy t to program '${text}' x`).length).toBeGreaterThan(0)
  })
})

import type { Node } from '@pgsql/types'
import fc from 'fast-check'
import { loadModule, parseSync } from 'libpg-query'
import { beforeAll, describe, expect, it } from 'vitest'
import { redactUnparsedText, secretsOfStatement } from '../../src/sql/redact.js'
import { applySpans } from '../../src/sql/spans.js'

beforeAll(loadModule)

/** Each text holds this word in place of a password; no output may. */
const secret = 's3cr3tX'

interface Outcome {
  readonly text: string
  readonly parameters: boolean
}

/** Redacts one statement as the analysis does: by its tree when it has one. */
function redact(text: string): Outcome {
  let statement: Node | undefined
  try {
    statement = parseSync(text).stmts?.[0]?.stmt
  } catch {
    return { text: redactUnparsedText(text), parameters: true }
  }
  if (statement === undefined) throw new Error(`no statement in ${text}`)
  const node = Object.keys(statement)[0] ?? ''
  const { spans, secret_parameters } = secretsOfStatement(text, node, statement)
  return { text: applySpans(text, spans), parameters: secret_parameters }
}

/** Statements that the grammar accepts, and what is left of them. */
const accepted: readonly (readonly [string, string])[] = [
  [`explain execute p ('s3cr3tX', 1)`, `explain execute p ('<REDACTED>', 1)`],
  [
    `explain create table t as execute p ($$s3cr3tX$$)`,
    `explain create table t as execute p ('<REDACTED>')`,
  ],
  [
    `update pg_authid set rolpassword = 's3cr3tX' where rolname = 'a'`,
    `update pg_authid set rolpassword = '<REDACTED>' where rolname = '<REDACTED>'`,
  ],
  [
    `with x as (insert into pg_catalog.pg_authid values (1, 's3cr3tX')) select 1`,
    `with x as (insert into pg_catalog.pg_authid values (1, '<REDACTED>')) select 1`,
  ],
  [`create role bob login password 's3cr3tX'`, `create role bob login password '<REDACTED>'`],
  [
    `CREATE USER bob WITH ENCRYPTED PASSWORD 's3cr3tX' VALID UNTIL '2030-01-01' CREATEDB`,
    `CREATE USER bob WITH ENCRYPTED PASSWORD '<REDACTED>' VALID UNTIL '2030-01-01' CREATEDB`,
  ],
  [`create group g password 's3cr3tX'`, `create group g password '<REDACTED>'`],
  [`alter user "o'brien" password 's3cr3tX'`, `alter user "o'brien" password '<REDACTED>'`],
  [`alter role "user" password 's3cr3tX'`, `alter role "user" password '<REDACTED>'`],
  [`alter role a PaSsWoRd/* x */'s3''cr3tX'`, `alter role a PaSsWoRd/* x */'<REDACTED>'`],
  [`alter role a password E's3cr3tX\\'y'`, `alter role a password '<REDACTED>'`],
  [`alter role a password U&'s3cr3tX'`, `alter role a password '<REDACTED>'`],
  [`alter role a password $$s3cr3tX$$`, `alter role a password '<REDACTED>'`],
  [`alter role a password $q$s3cr3tX$q$ nologin`, `alter role a password '<REDACTED>' nologin`],
  [
    `alter role a password 'abc'\n  's3cr3tX' nologin`,
    `alter role a password '<REDACTED>' nologin`,
  ],
  [
    `alter role a -- password = s3cr3tX\n password 'x'`,
    `alter role a -- password = <REDACTED>\n password '<REDACTED>'`,
  ],
  [`create role password password 's3cr3tX'`, `create role password password '<REDACTED>'`],
  [
    `create user mapping for bob server s options (user 'bob', password 's3cr3tX')`,
    `create user mapping for bob server s options (user 'bob', password '<REDACTED>')`,
  ],
  [
    `alter user mapping for bob server s options (set "password" 's3cr3tX', drop user)`,
    `alter user mapping for bob server s options (set "password" '<REDACTED>', drop user)`,
  ],
  [
    `create server s foreign data wrapper w options (host 'h', api_key 's3cr3tX', sslkey 's3cr3tX')`,
    `create server s foreign data wrapper w options (host 'h', api_key '<REDACTED>', sslkey '<REDACTED>')`,
  ],
  [
    `alter server s options (add auth_token 's3cr3tX')`,
    `alter server s options (add auth_token '<REDACTED>')`,
  ],
  [
    `create foreign data wrapper w options (client_secret 's3cr3tX')`,
    `create foreign data wrapper w options (client_secret '<REDACTED>')`,
  ],
  [
    `create foreign table f (a int) server s options (table_name 't', password 's3cr3tX')`,
    `create foreign table f (a int) server s options (table_name 't', password '<REDACTED>')`,
  ],
  [
    `create subscription s connection 'host=h user=u password=s3cr3tX dbname=d' publication p`,
    `create subscription s connection 'host=h user=u password=<REDACTED> dbname=d' publication p`,
  ],
  [
    `create subscription s connection 'postgresql://u:s3cr3tX@h:5432/d?sslmode=require' publication p with (slot_name = 'x')`,
    `create subscription s connection 'postgresql://u:<REDACTED>@h:5432/d?sslmode=require' publication p with (slot_name = 'x')`,
  ],
  [
    `alter subscription s connection 'host=h password=''s3 cr3tX'' user=u'`,
    `alter subscription s connection 'host=h password=<REDACTED> user=u'`,
  ],
  [
    `alter subscription s connection 'neither one s3cr3tX nor the other'`,
    `alter subscription s connection '<REDACTED>'`,
  ],
  [
    `select * from dblink('host=h password=s3cr3tX', 'select 1') as t (a int)`,
    `select * from dblink('host=h password=<REDACTED>', 'select 1') as t (a int)`,
  ],
  [
    `select dblink_connect('c', 'postgres://u:s3cr3tX@h/d?password=s3cr3tX&a=b')`,
    `select dblink_connect('c', 'postgres://u:<REDACTED>@h/d?password=<REDACTED>&a=b')`,
  ],
  [
    `select dblink_exec('c', 'alter role bob password ''s3cr3tX''')`,
    `select dblink_exec('c', 'alter role bob password ''<REDACTED>''')`,
  ],
  [
    `select dblink_connect('host=h password=' || 's3cr3tX' || ' user=u')`,
    `select dblink_connect('host=h password=' || '<REDACTED>' || '<REDACTED>')`,
  ],
  [
    `select dblink_connect(format('host=%s password=%s', 'h', 's3cr3tX'))`,
    `select dblink_connect(format('host=%s password=<REDACTED>', '<REDACTED>', '<REDACTED>'))`,
  ],
  [
    `select my.connect_to('host=h user=u password=s3cr3tX')`,
    `select my.connect_to('host=h user=u password=<REDACTED>')`,
  ],
  [
    `insert into servers values (1, 'postgres://u:s3cr3tX@h/d')`,
    `insert into servers values (1, 'postgres://u:<REDACTED>@h/d')`,
  ],
  [
    `select set_config('app.password', 's3cr3tX', false)`,
    `select set_config('app.password', '<REDACTED>', false)`,
  ],
  [
    `select pg_catalog.set_config(U&'app.\\0073ecret', 's3cr3tX', true)`,
    `select pg_catalog.set_config(U&'app.\\0073ecret', '<REDACTED>', true)`,
  ],
  [
    `select "set_config"('app.pass' || 'word', 's3cr3tX', false)`,
    `select "set_config"('app.pass' || 'word', '<REDACTED>', false)`,
  ],
  [
    `select set_config(new_value => 's3cr3tX', setting_name => 'app.token', is_local => false)`,
    `select set_config(new_value => '<REDACTED>', setting_name => '<REDACTED>', is_local => false)`,
  ],
  [
    `create user mapping for u server s options (U&"!0070assword" UESCAPE '!' 's3cr3tX')`,
    `create user mapping for u server s options (U&"!0070assword" UESCAPE '!' '<REDACTED>')`,
  ],
  [
    `select U&"$0063rypt" uescape '$' ('s3cr3tX', 'x')`,
    `select U&"$0063rypt" uescape '$' ('<REDACTED>', '<REDACTED>')`,
  ],
  [
    `select set_config(U&'app.*0070assword' UESCAPE '*', 's3cr3tX', false)`,
    `select set_config(U&'app.*0070assword' UESCAPE '*', '<REDACTED>', false)`,
  ],
  [
    `do E'begin alter role r p\\141ssword ''s3cr3tX''; end'`,
    `do 'begin alter role r password ''<REDACTED>''; end'`,
  ],
  [
    `do 'begin alter role r p\\assword ''s3cr3tX''; end'`,
    `do 'begin alter role r password ''<REDACTED>''; end'`,
  ],
  [`select E'x:\\x2f/u:s3cr3tX@h/d'`, `select 'x://u:<REDACTED>@h/d'`],
  [`set app.password = 's3cr3tX'`, `set app.password = '<REDACTED>'`],
  [`set local app.jwt_secret to s3cr3tX`, `set local app.jwt_secret to '<REDACTED>'`],
  [`SET SESSION "app.Token" TO 'a', 's3cr3tX'`, `SET SESSION "app.Token" TO '<REDACTED>'`],
  [
    `alter system set ssl_passphrase_command = 'echo s3cr3tX'`,
    `alter system set ssl_passphrase_command = '<REDACTED>'`,
  ],
  [
    `alter system set primary_conninfo = 'host=h password=s3cr3tX'`,
    `alter system set primary_conninfo = 'host=h password=<REDACTED>'`,
  ],
  [
    `alter system set archive_command = 'PGPASSWORD=s3cr3tX psql -h x -c "%p"'`,
    `alter system set archive_command = 'PGPASSWORD=<REDACTED> psql -h x -c "%p"'`,
  ],
  [
    `alter role bob in database d set app.secret = 's3cr3tX'`,
    `alter role bob in database d set app.secret = '<REDACTED>'`,
  ],
  [
    `alter database d set app.password to 's3cr3tX'`,
    `alter database d set app.password to '<REDACTED>'`,
  ],
  [
    `do $$ begin create role bob password 's3cr3tX'; perform f('kept'); end $$`,
    `do $$ begin create role bob password '<REDACTED>'; perform f('kept'); end $$`,
  ],
  [
    `do $$ begin execute 'alter role bob password ' || quote_literal('s3cr3tX'); end $$`,
    `do $$ begin execute 'alter role bob password ' || quote_literal('<REDACTED>'); end $$`,
  ],
  [
    `do $$ begin execute format('alter role %I password %L', 'bob', 's3cr3tX'); end $$`,
    `do $$ begin execute format('alter role %I password %L', '<REDACTED>', '<REDACTED>'); end $$`,
  ],
  [
    `do $$ declare v text := 's3cr3tX'; begin execute format('alter role a password %L', v); end $$`,
    `do $$ declare v text := '<REDACTED>'; begin execute format('alter role a password %L', v); end $$`,
  ],
  [
    `do 'begin alter role bob password ''s3cr3tX''; end' language plpgsql`,
    `do 'begin alter role bob password ''<REDACTED>''; end' language plpgsql`,
  ],
  [
    `do $a$ begin execute $b$alter role a password 's3cr3tX'$b$; end $a$`,
    `do $a$ begin execute $b$alter role a password '<REDACTED>'$b$; end $a$`,
  ],
  [
    `do $$ begin perform dblink_connect('host=h password=s3cr3tX'); -- token: s3cr3tX\n end $$`,
    `do $$ begin perform dblink_connect('host=h password=<REDACTED>'); -- token: <REDACTED>\n end $$`,
  ],
  [
    `create function f(password text default 's3cr3tX') returns text language sql as $$ select 'x' $$`,
    `create function f(password text default '<REDACTED>') returns text language sql as $$ select 'x' $$`,
  ],
  [
    `create or replace function f() returns void language plpgsql as $f$ begin v_password := 's3cr3tX'; end $f$`,
    `create or replace function f() returns void language plpgsql as $f$ begin v_password := '<REDACTED>'; end $f$`,
  ],
  [
    `create function f() returns text language sql return crypt('s3cr3tX', 'salt')`,
    `create function f() returns text language sql return crypt('<REDACTED>', '<REDACTED>')`,
  ],
  [
    `alter function f() set app.password to s3cr3tX`,
    `alter function f() set app.password to <REDACTED>`,
  ],
  [
    `select crypt('s3cr3tX', gen_salt('bf')), 'kept'`,
    `select crypt('<REDACTED>', gen_salt('<REDACTED>')), 'kept'`,
  ],
  [
    `update users set hash = public.crypt('s3cr3tX', hash) where name = 'bob'`,
    `update users set hash = public.crypt('<REDACTED>', hash) where name = 'bob'`,
  ],
  [
    `insert into t values (pgp_sym_encrypt('data', E's3cr3tX'), 'kept')`,
    `insert into t values (pgp_sym_encrypt('<REDACTED>', '<REDACTED>'), 'kept')`,
  ],
  [
    `prepare p as select pgp_sym_decrypt(c, 's3cr3tX') from t`,
    `prepare p as select pgp_sym_decrypt(c, '<REDACTED>') from t`,
  ],
  [
    `explain analyze select hmac('data', 's3cr3tX', 'sha256')`,
    `explain analyze select hmac('<REDACTED>', '<REDACTED>', '<REDACTED>')`,
  ],
  [`call change_password('bob', 's3cr3tX')`, `call change_password('<REDACTED>', '<REDACTED>')`],
  [
    `select vault.create_secret('s3cr3tX', 'name')`,
    `select vault.create_secret('<REDACTED>', '<REDACTED>')`,
  ],
  [`execute set_password('s3cr3tX')`, `execute set_password('<REDACTED>')`],
  [
    `copy t from program 'curl -u bob --oauth2-bearer-token=s3cr3tX https://h/'`,
    `copy t from program 'curl -u bob --oauth2-bearer-token=<REDACTED> https://h/'`,
  ],
  [
    `comment on database d is 'login with password: s3cr3tX'`,
    `comment on database d is 'login with password: <REDACTED>'`,
  ],
  [
    `notify c, '{"user": "bob", "password": "s3cr3tX"}'`,
    `notify c, '{"user": "bob", "password": "<REDACTED>"}'`,
  ],
  [
    `select 1 /* connect with postgres://u:s3cr3tX@h/d */`,
    `select 1 /* connect with postgres://u:<REDACTED>@h/d */`,
  ],
]

/** Texts that the grammar refuses. */
const refused: readonly string[] = [
  `create role bob pasword 's3cr3tX'`,
  `create user bob passwrod 's3cr3tX'`,
  `crate user bob password 's3cr3tX'`,
  `create role bob password s3cr3tX`,
  `create role bob password s3cr3tX!x y z valid until 'x'`,
  `create role bob password !s3cr3tX`,
  `create user bob identified by 's3cr3tX'`,
  `create user bob identified by s3cr3tX`,
  `alter user bob set password = s3cr3tX where x`,
  `alter role bob with passw0rd 's3cr3tX'`,
  `alter role o'brien password 's3cr3tX'`,
  `alter role o'brien password 's3 s3cr3tX' in role d'x`,
  `alter role "bob password 's3cr3tX'`,
  `alter role bob password 's3cr3tX`,
  `alter role bob password 'it''s s3cr3tX`,
  `alter role bob password $$s3cr3tX`,
  `alter role bob password "s3cr3tX"`,
  `alter role bob password ('s3cr3tX')`,
  `alter role bob password = 's3cr3tX'`,
  `alter role bob password 'x\\'s3cr3tX'`,
  `alter role bob password 'x\\' s3cr3tX' valid until 'y'`,
  `set password for 'bob'@'%' = 's3cr3tX'`,
  `set password = password('s3cr3tX')`,
  `set app.password s3cr3tX = 's3cr3tX'`,
  `set app.password to s3cr3tX x`,
  `insert into users (name, password) value ('bob', 's3cr3tX')`,
  `select 's3cr3tX' as password form users`,
  `insert into pg_authid values (1, 's3cr3tX') x`,

  `update users st token = 's3cr3tX'`,
  `selec crypt('s3cr3tX', x)`,
  `do $$ begin alter role bob password 's3cr3tX'; end $$ langage plpgsql x`,
  `do $$ begin alter role bob password 's3cr3tX'; end`,
  `create function f() retrns void as 'begin alter role a password ''s3cr3tX''; end' x`,
  `create subscription s connection 'host=h password=s3cr3tX' publicaton p`,
  `create user mapping for u server s option (user 'u', password 's3cr3tX')`,
  `create server s foreign data wrapper w options (weird 's3cr3tX'`,
  `select dblink_connect('host=h password=s3cr3tX'`,
  `selct set_config('x.password', 's3cr3tX', false)`,
  `selct 'postgres://u:s3cr3tX@h/d'`,
  `\\c postgres://u:s3cr3tX@h/d`,
  `foo password=s3cr3tX bar`,
  `foo password: s3cr3tX`,
  `foo "password": "s3cr3tX"`,
  `foo pwd = s3cr3tX;`,
  `foo -- password s3cr3tX`,
  `foo -- the password is s3cr3tX\rbar`,
  `foo /* /* passphrase=s3cr3tX */ s3cr3tX */ bar`,
  `foo /* credential s3cr3tX`,
  `foo U&"\\0070assword" = 's3cr3tX'`,
  `foo e'x' api_key => 's3cr3tX'`,
  `foo "it""s password" 's3cr3tX'`,
  `select 1; alter role a pasword 's3cr3tX'; selct 2`,
  `select 'it's the password 's3cr3tX' is'`,
]

/** What must stay as it is, byte for byte. */
const untouched: readonly string[] = [
  `select * from users where password = 'x'`,
  `select token, "key" from t where token in ('a', 'b') -- primary key`,
  `insert into users (name, password) values ('bob', 'x')`,
  `update users set password_hash = 'x' where id = $1`,
  `insert into logs values ('{"password": "x"}')`,
  `select 'https://example.test/a?b=c', 'mail to a@b'`,
  `create role bob login password null`,
  `alter role secret valid until '2030-01-01'`,
  `create role password`,
  `alter role bob set search_path to 'a', 'b'`,
  `set password_encryption = 'scram-sha-256'`,
  `set app.password to default`,
  `reset app.password`,
  `show app.password`,
  `alter system set primary_conninfo = 'host=h user=u'`,
  `select set_config('search_path', 'a, b', false)`,
  `select set_config('search_path'::text, 'a, b', false)`,
  `create table passwords (a text default 'x', key text primary key, check (a in ('b', 'c')))`,
  `create table t (password text not null default 'x')`,
  `comment on column users.password is 'hashed, see the wiki about the secret of it'`,
  `create subscription s connection 'host=h user=u' publication p with (password_required = 'false')`,
  `create server s foreign data wrapper w options (host 'h', port '5432')`,
  `alter server s options (set password_required 'false')`,
  `select * from dblink('myconn', 'select key from t where a = ''b''') as t (a int)`,
  `do $$ begin raise notice 'wrong password for %', 'x'; end $$`,
  `create function check_token(a text) returns bool language sql as $$ select a = 'x' $$`,
  `create index on t (token) where kind = 'a'`,
  `grant select (password) on users to bob`,
  `explain select * from t where secret = 'x'`,
  `selct * from t where name = 'bob'`,
  `select 'a' from from t; update x set y = $$b$$`,
  `insert into t values ('it's')`,
]

describe('secretsOfStatement', () => {
  it.each(accepted)('takes the secret and nothing else from %j', (text, expected) => {
    expect(() => parseSync(text)).not.toThrow()
    expect(text).toContain('cr3tX')
    expect(redact(text).text).toBe(expected)
  })

  it.each(
    accepted.map(([, text]) => text).filter((text) => !/^(?:alter function|.*\n)/.test(text)),
  )('leaves SQL: %j', (text) => {
    expect(() => parseSync(text)).not.toThrow()
    expect(redact(text).text).not.toContain('cr3tX')
  })

  it.each([
    ['select crypt($1, $2)', true],
    [`select set_config('app.secret', $1, false)`, true],
    ['select set_config($1, $2, false)', true],
    ['select dblink_connect($1)', true],
    ['select reset_password($1, $2)', true],
    [`select set_config('search_path', $1, false)`, false],
    [`select crypt('x', gen_salt('bf')), $1`, false],
    ['select * from users where password = $1', false],
    ['update users set password = $1', false],
    ['alter role bob password $1', true],
    ['create role bob with encrypted password $1 createdb', true],
    ['set app.password = $1', true],
    ['select 1', false],
  ])('says of the parameters of %j whether they are secret: %j', (text, expected) => {
    expect(redact(text).parameters).toBe(expected)
  })
})

describe('redactUnparsedText', () => {
  it.each(refused)('takes the secret from %j', (text) => {
    expect(() => parseSync(text)).toThrow()
    expect(text).toContain(secret)
    const output = redact(text).text
    expect(output).not.toContain(secret)
    expect(output).toContain('<REDACTED>')
  })

  it.each([
    `execute p('s3cr3tX') x`,
    `exec p('s3cr3tX')`,
    `select U&"!0063rypt" /* x */ uescape /* y */ '!' ('s3cr3tX', 'x')`,
  ])('takes the secret from %j, which is none in a body', (text) => {
    expect(() => parseSync(text)).toThrow()
    expect(redactUnparsedText(text)).not.toContain(secret)
  })

  // Without a tree a literal that no word gives away is kept.
  const telling = accepted.map(([text]) => text).filter((text) => !/^explain|pg_catalog/.test(text))

  it.each(telling)('takes the secret from %j as well', (text) => {
    expect(redactUnparsedText(text)).not.toContain('cr3tX')
  })

  it.each(refused)('finds the secret when another statement stands around %j', (text) => {
    expect(redactUnparsedText(`select 'a', "b"; ${text}`)).not.toContain(secret)
    expect(redactUnparsedText(`do $body$ ${text} $body$`)).not.toContain(secret)
  })
})

describe('both', () => {
  it.each(untouched)('leave %j alone', (text) => {
    expect(redact(text).text).toBe(text)
  })

  it('hide a password whatever it is made of, in a statement that is accepted', () => {
    const part = fc.constantFrom('a', 'é', ' ', ';', '--', '/*', '$$', '"', '\\', "'", '=', '\n')
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const password = `${parts.join('')}${secret}${parts.join('')}`
        const text = `alter role a password '${password.replaceAll("'", "''")}' nologin`
        expect(redact(text).text).not.toContain(secret)
      }),
    )
  })

  it('hide a password in a comment between the parts of one literal', () => {
    const text = `'x'-- alter role a password '${secret}' \n'x' nonsense`
    expect(redactUnparsedText(text)).not.toContain(secret)
  })

  it('hide a password whatever stands around the statement that is refused', () => {
    const part = fc.constantFrom(
      ..."' '' \" \\ \\' $$ $a$ -- /* */ ( ) ; , . a E U& = : || %L password role 'x' \"pw\"".split(
        ' ',
      ),
      ...['select', 'set', 'execute', 'format(', '\n', '-- x\n', 'identified by'],
    )
    const statement = fc.constantFrom(
      `alter role a password '${secret}'`,
      `alter role a password $$${secret}$$`,
      `create user b identified by ${secret}`,
      `create user mapping for u server s options (password 's3 ${secret}')`,
      `select dblink_connect('host=h password=${secret}')`,
      `set x.password = ${secret}`,
    )
    const parts = fc.array(part, { maxLength: 10 })
    const between = fc.constantFrom('', ' ')
    fc.assert(
      fc.property(parts, between, statement, parts, (before, separator, middle, behind) => {
        const text = `${before.join(separator)} ${middle} ${behind.slice(0, 2).join(separator)}`
        expect(redactUnparsedText(text)).not.toContain(secret)
      }),
      { numRuns: 10_000 },
    )
  })

  it.each([
    ['quotes', "'".repeat(400_000)],
    ['escapes', `password ${"\\'".repeat(200_000)}`],
    ['dollars', `password ${'$a'.repeat(200_000)}`],
    ['tags', `password ${Array.from({ length: 40_000 }, (_, index) => `$t${index}$`).join('')}`],
    ['comments', `password ${'/*'.repeat(200_000)}`],
    ['dashes', `password ${"'--\n".repeat(100_000)}`],
    ['words', `p${'s'.repeat(200_000)}w password=`],
    ['pairs', `${'password=a '.repeat(40_000)}'`],
    ['pairs without blanks', 'password=a'.repeat(60_000)],
    ['pairs apart without blanks', 'password= a,password= '.repeat(30_000).replaceAll(',', '.')],
    ['values that may be calls', 'password=aaaaaaaaaaaa('.repeat(30_000)],
    ['calls', `select ${'crypt('.repeat(60_000)}'x'`],
    ['addresses', 'x://a:b@c '.repeat(40_000)],
    ['semicolons', `password 'a';`.repeat(30_000)],
    ['nested', `execute 'password ${"''".repeat(100_000)}'`],
  ])('take linear time for many %s', (_name, text) => {
    const half = text.slice(0, text.length / 2)
    // A quadratic step would take minutes here; the limit of the test itself decides.
    expect(redactUnparsedText(half).length).toBeGreaterThan(0)
    expect(redactUnparsedText(text).length).toBeGreaterThan(0)
  })
})

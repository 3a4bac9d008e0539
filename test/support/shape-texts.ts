/** Pieces of texts in which a literal may be a value, a fact, or no literal at all. */

const expressions = [
  ...['1', '-1', '+ 1', '1.5', "'x'", "'it''s'", '2147483647', '2147483648', 'n', 't.n', 'NULL'],
  ...['1-2', '1 - -2', 'n*2', '-n', 'n<-1', 'n=-1', 'n@-1', '1::int', "'1'::int8", '1||1'],
  ...['.5', '1.', '1..2', '1e5', '0x1F', '0b1', '1_000', '1.5e3', '1a', '$1', '1.5.2', 'a.1'],
  ...[
    "E'x'",
    "B'01'",
    "X'1f'",
    "N'x'",
    "U&'x'",
    "n 'x'",
    "e 'x'",
    "'a' 'b'",
    "'a'\n'b'",
    "'a'\n-1",
  ],
  ...["date '2020-01-01'", "regclass 't'", "'t'::regclass", "cast('t' AS regrole)", "int4 '1'"],
  ...["interval '1' year", "interval(3) '1 s'", "interval '1 day'", "'1'::interval hour to minute"],
  ...["'1'::float(53)", 'n::float(7)', "'1'::float", "'1'::double precision", "'x'::varchar(10)"],
  ...["'{1}'::int[3]", 'ARRAY[1, 2]', 'ARRAY[1, 2][1]', '(ARRAY[1,2])[1:2]', 'n[1]', 'ROW(1, 2)'],
  ...['count(*)', 'count(1)', 'sum(n) FILTER (WHERE n > 1)', "lower('X')", 'abs(-1)', 'f(1)'],
  ...[
    's.f(1)',
    'pg_catalog.abs(1)',
    "to_regclass('t')",
    "nextval('s')",
    'lo_get(1)',
    'lag(n, 1) OVER w',
  ],
  ...[
    "set_config('search_path', 'x', false)",
    "current_setting('x')",
    "has_table_privilege('t', 'x')",
  ],
  ...["pg_read_file('x')", "query_to_xml('SELECT 1', true, true, '')", "dblink('x', 'SELECT 1')"],
  ...[
    'extract(year FROM now())',
    "extract('year' FROM now())",
    "n AT TIME ZONE 'UTC'",
    "date_trunc('day', d)",
  ],
  ...[
    "w LIKE 'x' ESCAPE '!'",
    'n IN (1, 2)',
    'n BETWEEN 1 AND 2',
    'CASE n WHEN 1 THEN 2 ELSE 3 END',
  ],
  ...[
    'substring(w FROM 1 FOR 2)',
    "substring(w SIMILAR 'x' ESCAPE '#')",
    "overlay('a' PLACING 'b' FROM 1)",
  ],
  ...[
    "position('a' IN 'b')",
    "trim('x' FROM w)",
    "normalize('x')",
    "xmlelement(name x, 'y')",
    "json_value('{}', '$')",
  ],
  ...[
    "json_query('{}', 'x')",
    "json_object('a': 1)",
    'json_array(1, 2)',
    "xmlparse(document '<x/>')",
    'coalesce(n, 1)',
  ],
  ...[
    '(SELECT 1)',
    'EXISTS (SELECT 1 FROM t WHERE n = 1)',
    'n = ANY (ARRAY[1])',
    "n = ANY ('{1}')",
    'GROUPING(n)',
  ],
  ...[
    '"q"',
    '"a""b"',
    '"a1"',
    'n"q"',
    "'a'n",
    'a1',
    'n1_2',
    '1"q"',
    "1'x'",
    'current_date',
    'current_time(3)',
  ],
  ...[
    "timestamp(3) '2020-01-01'",
    '\'x\' COLLATE "C"',
    'greatest(1, 2)',
    'nullif(n, 1)',
    'true',
    "'a' IS NULL",
  ],
  ...[
    'password',
    "token = 'x'",
    "crypt('x', 'y')",
    "gen_salt('bf')",
    "'x' -- c",
    '/* c */ 1',
    "'\\x41'",
    "'$x'",
    "'é'",
  ],
] as const

const tables = [
  ...['t', 's.t', '"T"', 't AS a', 'ONLY t', 't, u', 't JOIN u USING (n)', 't JOIN u ON t.n = 1'],
  ...['generate_series(1, 2) AS g', 'f(1) AS x', 'unnest(ARRAY[1])', '(VALUES (1), (2)) AS v (n)'],
  ...[
    '(SELECT 1 AS n) AS q',
    'LATERAL (SELECT n + 1) AS l',
    't TABLESAMPLE bernoulli (10) REPEATABLE (1)',
  ],
  ...[
    "json_table('[]', 'x' COLUMNS (n int PATH 'y')) AS j",
    "xmltable('x' PASSING 'y' COLUMNS n int PATH 'z')",
  ],
  ...["ROWS FROM (generate_series(1, 2), f('x')) AS r", 'pg_class', 'pg_settings', 'pg_authid'],
] as const

const tails = [
  ...[
    '',
    '',
    '',
    ' WHERE %',
    ' WHERE % AND %',
    ' GROUP BY 1',
    ' GROUP BY %',
    ' ORDER BY 1',
    ' ORDER BY %',
  ],
  ...[
    ' ORDER BY n LIMIT 10',
    ' LIMIT 1 OFFSET 2',
    ' FETCH FIRST 3 ROWS ONLY',
    ' HAVING %',
    ' FOR UPDATE',
  ],
  ...[
    ' UNION SELECT %',
    ' UNION ALL SELECT 1 ORDER BY 1',
    ' GROUP BY GROUPING SETS ((1), (n))',
    ';',
    '; ',
  ],
  ...[
    ' WINDOW w AS (PARTITION BY n ROWS 1 PRECEDING)',
    ' WHERE CURRENT OF c',
    ' INTO x',
    " AS OF '1'",
  ],
] as const

const others = [
  ...['BEGIN', 'COMMIT', 'ROLLBACK', 'SAVEPOINT s1', 'ROLLBACK TO s1', "PREPARE TRANSACTION 'g'"],
  ...[
    "COMMIT PREPARED 'g'",
    'BEGIN ISOLATION LEVEL SERIALIZABLE',
    "SET x TO 'y'",
    'SET a = 1, 2',
    'SET LOCAL x = 1',
  ],
  ...[
    "SET TIME ZONE 'UTC'",
    'SET TIME ZONE 1',
    "SET ROLE 'r'",
    "SET TRANSACTION SNAPSHOT '1'",
    'ALTER SYSTEM SET a = 1',
  ],
  ...[
    "ALTER ROLE r PASSWORD 'x'",
    "CREATE ROLE r VALID UNTIL '2020-01-01' CONNECTION LIMIT 1",
    "COMMENT ON TABLE t IS 'x'",
  ],
  ...[
    "COPY t FROM '/x' WITH (DELIMITER ',')",
    'COPY t TO STDOUT',
    'EXECUTE p (1)',
    "EXECUTE p ('x', 2)",
    'PREPARE p AS SELECT 1',
  ],
  ...[
    'DECLARE c CURSOR FOR SELECT 1',
    'FETCH 2 FROM c',
    'MOVE 1 IN c',
    "NOTIFY c, 'x'",
    "LOAD 'x'",
    "DO 'BEGIN END'",
  ],
  ...[
    'CALL p(1)',
    'EXPLAIN SELECT 1',
    'EXPLAIN ANALYZE DELETE FROM t WHERE n = 1',
    'CREATE TABLE x (n int DEFAULT 1)',
  ],
  ...[
    'CREATE TABLE x AS SELECT 1',
    "ALTER TABLE t ALTER n SET DEFAULT 'x'",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
  ],
  ...[
    "SECURITY LABEL ON TABLE t IS 'x'",
    'CREATE SEQUENCE s START 1',
    'SELECT 1 INTO x',
    "VALUES (1, 'x'), (2, 'y')",
    'TABLE t',
  ],
  ...[
    "INSERT INTO pg_authid VALUES ('x')",
    "UPDATE pg_settings SET setting = 'x' WHERE name = 'y'",
    'LOCK TABLE t',
    'SELEC 1',
  ],
] as const

/** Gives a number below the limit. */
export type Choose = (limit: number) => number

function pick(from: readonly string[], choose: Choose): string {
  return from[choose(from.length)] ?? ''
}

function filled(template: string, choose: Choose): string {
  return template.replaceAll('%', () => pick(expressions, choose))
}

function query(choose: Choose): string {
  const list = Array.from({ length: 1 + choose(3) }, () => pick(expressions, choose)).join(', ')
  const from = choose(5) === 0 ? '' : ` FROM ${pick(tables, choose)}`
  return `SELECT ${list}${from}${filled(pick(tails, choose), choose)}`
}

const changes = [
  'INSERT INTO t VALUES (%, %)',
  'INSERT INTO t (n, w) VALUES (%, %), (%, DEFAULT) RETURNING n',
  'INSERT INTO t VALUES (%) ON CONFLICT (n) DO UPDATE SET w = % WHERE %',
  'INSERT INTO t @',
  'UPDATE t SET n = %, w = % WHERE %',
  'UPDATE t SET (n, w) = (@) FROM u WHERE %',
  'UPDATE t SET n[1] = %',
  'DELETE FROM t USING u WHERE % RETURNING %',
  'MERGE INTO t USING u ON % WHEN MATCHED AND % THEN UPDATE SET n = % WHEN NOT MATCHED THEN INSERT VALUES (%)',
  'WITH x AS (@) SELECT % FROM x',
  'WITH x (n) AS MATERIALIZED (INSERT INTO t VALUES (%) RETURNING n) @',
  'WITH RECURSIVE x AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM x WHERE %) @',
] as const

function statement(choose: Choose): string {
  switch (choose(5)) {
    case 0:
    case 1:
      return query(choose)
    case 2:
    case 3:
      return filled(
        pick(changes, choose).replaceAll('@', () => query(choose)),
        choose,
      )
    default:
      return pick(others, choose)
  }
}

const scraps =
  `1 2 12 1.5 . .. 'a' '' ' '' " "" x e E' n N u& U&' b X 'x'x 1x x1 - -- / /* */ + * & # $ $1 $$ \\ : :: , ( ) [ ] ; = < > \n \t \f \v é _ 1_0 0x1 1e5 SELECT FROM`.split(
    ' ',
  )

/** A text of one or several statements, most of them valid, some with a scrap in a random place. */
export function shapeText(choose: Choose): string {
  if (choose(8) === 0) {
    return Array.from({ length: choose(24) }, () => pick(scraps, choose)).join(
      choose(2) === 0 ? '' : ' ',
    )
  }
  const count = choose(4) === 0 ? 2 + choose(2) : 1
  let text = Array.from({ length: count }, () => statement(choose)).join(
    pick(['; ', ';', ' ;\n'], choose),
  )
  for (let spoilt = choose(6) === 0 ? 1 + choose(2) : 0; spoilt > 0; spoilt--) {
    const at = choose(text.length + 1)
    text = `${text.slice(0, at)}${pick(scraps, choose)}${text.slice(at + choose(2))}`
  }
  return text
}

-- session: plain reads, as app
SELECT * FROM account;
SELECT a.name, b.city FROM account a JOIN customer b ON b.account_id = a.id;
SELECT name FROM app.account WHERE id IN (SELECT account_id FROM customer WHERE city = 'Ulm');
SELECT count(*) FROM account;
SELECT 1 FROM account;
SELECT FROM customer;
SELECT password FROM account WHERE id = 1;
SELECT account FROM account;
SELECT row_to_json(a) FROM account a;
SELECT a.* FROM account a, LATERAL (SELECT * FROM customer c WHERE c.account_id = a.id) l;
SELECT * FROM account a CROSS JOIN LATERAL app.rows_of(a.id) r;
TABLE account;
TABLE side.account;
VALUES (1), (2);
SELECT * FROM (VALUES (1, 'a')) v (x, y);
SELECT 1;
SELECT;
SELECT current_user, session_user;
SELECT now(), version(), pg_backend_pid();
SELECT id FROM account UNION SELECT id FROM customer EXCEPT SELECT order_id FROM item;
SELECT id FROM account INTERSECT ALL (SELECT id FROM customer ORDER BY 1 LIMIT 3);
SELECT * FROM ONLY parent_t;
SELECT * FROM parent_t;
SELECT * FROM part WHERE id = 5;
SELECT * FROM part_1;
SELECT * FROM part TABLESAMPLE SYSTEM (50);
SELECT * FROM "Mixed Case";
SELECT "Some Column" FROM app."Mixed Case" WHERE id = 1;
SELECT * FROM account_names;
SELECT * FROM names_again;
SELECT * FROM only_numbers;
SELECT n.name FROM names_again n JOIN account a USING (name);
SELECT * FROM totals;
SELECT * FROM counter;
SELECT count(*) FROM passwd;
SELECT * FROM pg_class WHERE relname = 'x';
SELECT relname FROM pg_catalog.pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LIMIT 1;
SELECT * FROM information_schema.tables LIMIT 1;
SELECT * FROM pg_tables LIMIT 1;
SELECT * FROM pg_settings LIMIT 1;
SELECT * FROM generate_series(1, 3) g;
SELECT * FROM unnest(ARRAY[1, 2]) WITH ORDINALITY u (x, n);
SELECT * FROM ROWS FROM (generate_series(1, 2), app.rows_of(1)) r;
SELECT * FROM app.rows_of(2);
SELECT plus(1, 2);
SELECT side.plus('a');
SELECT app.plus(id, 1) FROM account WHERE plus(id, 2) > 3 ORDER BY plus(id, 3);
SELECT inlined(id) FROM account;
SELECT sum_up(id) FROM account;
SELECT sum_up(id) OVER (PARTITION BY name) FROM account;
SELECT counts('app.account');
SELECT upper(name), count(*) FROM account GROUP BY 1 HAVING count(*) > (SELECT 0 FROM item LIMIT 1);
SELECT count(*) FILTER (WHERE total > 10), percentile_cont(0.5) WITHIN GROUP (ORDER BY total) FROM orders;
SELECT customer_id, sum(total) FROM orders GROUP BY ROLLUP (customer_id), GROUPING SETS ((placed), ());
SELECT rank() OVER w FROM orders WINDOW w AS (PARTITION BY customer_id ORDER BY total);
SELECT DISTINCT ON (customer_id) * FROM orders ORDER BY customer_id, placed FETCH FIRST 2 ROWS WITH TIES;
SELECT doc->'a', doc->>'list', doc #> '{list,0}', doc @> '{"a": 1}' FROM orders;
SELECT jsonb_path_query(doc, '$.list[*]') FROM orders;
SELECT o.id, e.value FROM orders o, jsonb_array_elements(o.doc->'list') e;
SELECT jsonb_agg(o), json_build_object('a', (SELECT max(id) FROM account)) FROM orders o;
SELECT * FROM jsonb_to_recordset('[{"a": 1}]') AS x (a int);
SELECT * FROM json_populate_record(NULL::app.account, '{"id": 1}');
SELECT xmlelement(name x, xmlattributes(name AS n)) FROM account;
SELECT * FROM XMLTABLE('/r' PASSING XMLPARSE(DOCUMENT '<r><a>1</a></r>') COLUMNS a int);
SELECT EXISTS (SELECT FROM item), ARRAY(SELECT id FROM account), (SELECT max(id) FROM orders) > ALL (SELECT n FROM item);
SELECT CASE WHEN id > 1 THEN (SELECT city FROM customer LIMIT 1) END FROM account;
SELECT COALESCE(name, 'x'), NULLIF(id, 1), GREATEST(id, 2), id IS DISTINCT FROM 3, name LIKE 'n%', id BETWEEN 1 AND 2 FROM account;
SELECT a FROM (SELECT id AS a FROM (SELECT id FROM account) x) y;
SELECT * FROM orders NATURAL JOIN customer;
SELECT * FROM account FULL JOIN customer ON false RIGHT JOIN item ON true;
SELECT id FROM account ORDER BY (SELECT count(*) FROM item) LIMIT (SELECT 1 FROM orders LIMIT 1);

-- session: common table expressions, as app
WITH a AS (SELECT * FROM account) SELECT * FROM a;
WITH account AS (SELECT 1 AS id) SELECT * FROM account;
WITH account AS (SELECT * FROM account) SELECT * FROM account;
WITH RECURSIVE t (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT * FROM t;
WITH RECURSIVE account (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM account WHERE n < 5) SELECT * FROM account;
WITH a AS MATERIALIZED (SELECT id FROM account), b AS NOT MATERIALIZED (SELECT id FROM a) SELECT * FROM b, customer;
WITH unused AS (SELECT * FROM orders) SELECT 1;
WITH a AS (SELECT 1 AS id) SELECT * FROM app.account, a;
WITH x AS (INSERT INTO account VALUES (900, 'a') RETURNING *) SELECT * FROM x;
WITH x AS (DELETE FROM account WHERE id = 900 RETURNING *) INSERT INTO item SELECT id, 1, 0 FROM x;
WITH x AS (UPDATE orders SET total = 0 WHERE id = 1 RETURNING id) SELECT * FROM x JOIN account USING (id);
WITH x AS (DELETE FROM item WHERE order_id = 900 RETURNING *) SELECT 1;
WITH a AS (SELECT id FROM account WHERE id = 1) UPDATE customer SET city = 'Bonn' FROM a WHERE account_id = a.id;
WITH a AS (SELECT id FROM account WHERE id = 1) DELETE FROM item USING a WHERE order_id = a.id AND n = 99;
WITH RECURSIVE s AS (SELECT 1 AS n UNION SELECT n + 1 FROM s WHERE n < 3) INSERT INTO item SELECT n, 77, 0 FROM s;
WITH a AS (WITH a AS (SELECT * FROM item) SELECT * FROM a) SELECT * FROM a;
WITH t AS (SELECT id FROM account) SELECT (WITH t AS (SELECT 1 AS id) SELECT id FROM t) FROM t;
WITH RECURSIVE t (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) SEARCH DEPTH FIRST BY n SET o CYCLE n SET c USING p SELECT * FROM t;

-- session: row locks, as app
SELECT * FROM account FOR UPDATE;
SELECT * FROM account a, customer c WHERE a.id = c.account_id FOR UPDATE OF a;
SELECT * FROM orders FOR NO KEY UPDATE SKIP LOCKED;
SELECT * FROM item FOR SHARE NOWAIT;
SELECT * FROM customer FOR KEY SHARE;
SELECT * FROM account_names FOR UPDATE;
SELECT * FROM (SELECT id FROM orders) x FOR UPDATE;

-- session: changes, as app
INSERT INTO account VALUES (101, 'x', 'y', 'z');
INSERT INTO account (id, name) VALUES (102, 'x'), (103, DEFAULT);
INSERT INTO customer DEFAULT VALUES;
INSERT INTO customer (account_id) SELECT id FROM account WHERE id > 100;
INSERT INTO account (id) VALUES (104) RETURNING id, name;
INSERT INTO account (id) VALUES (104) ON CONFLICT DO NOTHING;
INSERT INTO account AS a (id, name) VALUES (104, 'b') ON CONFLICT (id) DO UPDATE SET name = excluded.name WHERE a.id > 0;
INSERT INTO account (id) VALUES (104) ON CONFLICT ON CONSTRAINT account_pkey DO UPDATE SET note = (SELECT city FROM customer LIMIT 1);
INSERT INTO account SELECT id + 1000, name FROM account WHERE id < 3;
INSERT INTO side.account TABLE side.only_here;
INSERT INTO part VALUES (1, 'one'), (150, 'two');
INSERT INTO part_2 VALUES (160, 'x');
INSERT INTO account_names VALUES (105, 'through a view');
INSERT INTO item VALUES (1, plus(50, 1), (SELECT max(total) FROM orders));
INSERT INTO orders (id) OVERRIDING USER VALUE VALUES (500);
INSERT INTO child_t VALUES (1, 'a', 2);
UPDATE account SET name = 'y';
UPDATE account SET name = 'y' WHERE id = 101;
UPDATE account SET (name, note) = (SELECT city, 'x' FROM customer LIMIT 1) WHERE id = 102;
UPDATE orders o SET total = i.price FROM item i WHERE i.order_id = o.id;
UPDATE orders SET total = total + 1 WHERE customer_id IN (SELECT id FROM customer) RETURNING *;
UPDATE ONLY parent_t SET v = 'x';
UPDATE parent_t SET v = 'x' WHERE id = 1;
UPDATE part SET id = 170 WHERE id = 1;
UPDATE account_names SET name = 'z' WHERE id = 105;
UPDATE customer SET city = DEFAULT;
UPDATE account SET note = plus(id, 1)::text WHERE id > 100;
DELETE FROM account WHERE id = 101;
DELETE FROM item WHERE false;
DELETE FROM item i USING orders o WHERE o.id = i.order_id AND o.id = 500 RETURNING i.*;
DELETE FROM account_names WHERE id = 105;
DELETE FROM ONLY parent_t;
DELETE FROM part WHERE id > 150;
DELETE FROM side.account;
DELETE FROM account WHERE id > 100 AND NOT EXISTS (SELECT FROM customer c WHERE c.account_id = account.id);
TRUNCATE side.account;
TRUNCATE TABLE side.account, side.only_here RESTART IDENTITY;
TRUNCATE part;
SELECT nextval('counter'), currval('counter'), lastval(), setval('counter', 5);

-- session: merge, as app
MERGE INTO orders o USING item i ON i.order_id = o.id WHEN MATCHED THEN UPDATE SET total = i.price;
MERGE INTO account a USING (SELECT 1 AS id) s ON s.id = a.id WHEN MATCHED AND a.id > 500 THEN DELETE WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id);
MERGE INTO account a USING side.account s ON s.id = a.id WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.name);
MERGE INTO account a USING side.account s ON s.id = a.id WHEN MATCHED THEN DO NOTHING;
WITH s AS (SELECT id FROM customer) MERGE INTO item i USING s ON s.id = i.order_id WHEN MATCHED THEN DELETE;

-- session: copy, as dba
COPY account TO STDOUT;
COPY account (id, name) TO STDOUT WITH (FORMAT csv, HEADER);
COPY (SELECT * FROM account a JOIN customer c ON c.account_id = a.id) TO STDOUT;
COPY (DELETE FROM item WHERE n = 999 RETURNING *) TO STDOUT;
COPY (INSERT INTO item VALUES (998, 998, 1) RETURNING n) TO STDOUT;
COPY side.account FROM STDIN;
COPY side.account (id, name) FROM STDIN;
COPY part FROM STDIN;
COPY nowhere FROM STDIN;
COPY account (id, name) FROM STDIN WHERE id > 100;
COPY account_names TO STDOUT;
COPY (TABLE account_names) TO STDOUT;
COPY account TO '/dev/null';
COPY account TO PROGRAM 'cat > /dev/null';
COPY pg_class TO STDOUT;

-- session: cursors, as app
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM account;
FETCH 2 FROM c;
FETCH BACKWARD 1 FROM c;
MOVE 1 IN c;
MOVE ABSOLUTE 0 IN c;
DECLARE u SCROLL CURSOR FOR SELECT id, name FROM account WHERE id < 3 FOR UPDATE;
DECLARE w NO SCROLL CURSOR FOR SELECT id FROM orders;
FETCH w;
UPDATE orders SET total = 3 WHERE CURRENT OF w;
DELETE FROM orders WHERE CURRENT OF w;
CLOSE c;
CLOSE ALL;
ROLLBACK;
DECLARE h CURSOR WITH HOLD FOR SELECT * FROM names_again;
FETCH ALL FROM h;
CLOSE h;
FETCH h;

-- session: prepared statements, as app
PREPARE p (int) AS SELECT * FROM account WHERE id = $1;
EXECUTE p(1);
EXECUTE p(plus(1, 1));
PREPARE i (int, text) AS INSERT INTO account (id, name) VALUES ($1, $2);
EXECUTE i(200, 'two hundred');
PREPARE u AS UPDATE account SET note = 'u' WHERE id = 200 RETURNING id;
EXECUTE u;
PREPARE d AS DELETE FROM account WHERE id = 200;
EXECUTE d;
PREPARE v AS VALUES (1);
EXECUTE v;
PREPARE n AS SELECT * FROM names_again;
EXECUTE n;
CREATE TABLE made AS EXECUTE p(1);
EXPLAIN EXECUTE p(1);
EXPLAIN ANALYZE EXECUTE p(2);
DROP TABLE made;
DEALLOCATE p;
EXECUTE p(1);
DEALLOCATE ALL;

-- session: explained, as app
EXPLAIN SELECT * FROM account;
EXPLAIN INSERT INTO account (id) VALUES (300);
EXPLAIN (ANALYZE) SELECT * FROM account;
EXPLAIN ANALYZE INSERT INTO account (id) VALUES (300);
EXPLAIN (ANALYZE false) DELETE FROM account;
EXPLAIN (ANALYZE, BUFFERS, FORMAT json) DELETE FROM account WHERE id = 300;
EXPLAIN VERBOSE UPDATE account SET name = name;
EXPLAIN CREATE TABLE explained AS SELECT * FROM account;
EXPLAIN ANALYZE CREATE TABLE explained AS SELECT * FROM account;
DROP TABLE explained;
EXPLAIN DECLARE c CURSOR FOR SELECT * FROM account;
EXPLAIN SELECT plus(id, 1) FROM account;
EXPLAIN (ANALYZE) MERGE INTO account a USING side.account s ON s.id = a.id WHEN MATCHED THEN DELETE;

-- session: calls and blocks, as app
CALL proc(1);
CALL app.proc(plus(1, 2));
DO $$BEGIN PERFORM 1; END$$;
DO $$BEGIN INSERT INTO app.account VALUES (400); DELETE FROM app.account WHERE id = 400; END$$;
DO LANGUAGE plpgsql 'DECLARE r record; BEGIN FOR r IN SELECT id FROM app.account LOOP NULL; END LOOP; END';
DO $$BEGIN EXECUTE 'CREATE TABLE app.by_do (a int)'; EXECUTE 'DROP TABLE app.by_do'; END$$;
SELECT set_config('work_mem', '1MB', false);
SELECT lo_unlink(lo_creat(-1));
SELECT pg_cancel_backend(0);

-- session: two in one query, as app
-- simple
SELECT 1; SELECT * FROM account;
-- simple
INSERT INTO account (id) VALUES (600); DELETE FROM account WHERE id = 600; SELECT count(*) FROM customer;
-- simple
BEGIN; SELECT * FROM orders; COMMIT;
-- simple
SELECT * FROM account; SELECT * FROM nowhere; SELECT 2;
-- simple
CREATE TABLE both (a int); INSERT INTO both VALUES (1); DROP TABLE both;
-- simple
SET work_mem = '2MB'; SHOW work_mem; RESET work_mem;

-- session: values, as app
-- values: 3
SELECT * FROM account WHERE id = $1::int;
-- values: 700, a, NULL
INSERT INTO account (id, name, note) VALUES ($1, $2, $3);
-- values: x, 700
UPDATE account SET note = $1 WHERE id = $2 RETURNING note;
-- values: 700
DELETE FROM account WHERE id = $1;
-- values: it, a "quoted", comma
SELECT $1::text, $2::text, $3::text;
-- values: {1,2,3}
SELECT id FROM account WHERE id = ANY($1::int[]);
-- values: app.account
SELECT counts($1);
-- values: 1
CALL proc($1);

/** The objects that random statements find in every database, with triggers that tell on changes. */
export const schema = `
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS
  $$BEGIN RAISE LOG 'TOUCH=% %', TG_TABLE_NAME, lower(TG_OP); RETURN NULL; END$$;
CREATE FUNCTION defined() RETURNS event_trigger LANGUAGE plpgsql AS
  $$BEGIN RAISE LOG 'DDL=%', TG_TAG; END$$;
CREATE FUNCTION wr(n int) RETURNS int LANGUAGE plpgsql VOLATILE AS
  $$BEGIN INSERT INTO public.t VALUES (n); RETURN n; END$$;
CREATE FUNCTION immutable_failure(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
  $$BEGIN IF n > 5 THEN RAISE EXCEPTION 'too much' USING ERRCODE = '22003'; END IF; RETURN n; END$$;
CREATE PROCEDURE pr(n int) LANGUAGE plpgsql AS
  $$BEGIN INSERT INTO public.t VALUES (n); IF n > 5 THEN COMMIT; END IF; END$$;
CREATE DOMAIN small AS int CHECK (immutable_failure(VALUE) > 0);
CREATE TABLE t (n int);
CREATE TABLE u (n int UNIQUE DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE w (id serial PRIMARY KEY, words text, d small);
CREATE VIEW v AS SELECT n FROM t WHERE n > 0;
CREATE SCHEMA other;
CREATE TABLE other.t (n int, m int);
CREATE TRIGGER t_touched AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON t EXECUTE FUNCTION touched();
CREATE TRIGGER u_touched AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON u EXECUTE FUNCTION touched();
CREATE TRIGGER w_touched AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON w EXECUTE FUNCTION touched();
CREATE TRIGGER o_touched AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON other.t EXECUTE FUNCTION touched();
INSERT INTO t SELECT generate_series(1, 5);
INSERT INTO w (words, d) VALUES ('one', 1), ('two', 2);
GRANT USAGE ON SCHEMA other TO fuzz_reader;
GRANT SELECT ON t TO fuzz_reader;
CREATE EVENT TRIGGER defined ON ddl_command_end EXECUTE FUNCTION defined();
`

/** Roles belong to the whole server. */
export const roles = 'CREATE ROLE fuzz_reader LOGIN; CREATE ROLE fuzz_owner LOGIN SUPERUSER;'

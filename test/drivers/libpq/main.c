/*
 * libpq by itself: what it issues through the proxy, one line of JSON each, with what it saw of it.
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static PGconn *connection;
static const char *session;

static void fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, connection ? PQerrorMessage(connection) : "");
	exit(1);
}

static void print_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\') putchar('\\');
		if (*text == '\n') printf("\\n");
		else putchar(*text);
	}
	putchar('"');
}

/* Tells a statement; `rows` below 0 is not told. Values are those of the statement, if any. */
static void tell(const char *text, const char *outcome, const char *sqlstate, int rows, int count,
				 const char *const *values)
{
	printf("{\"session\":\"%s\",\"text\":", session);
	print_string(text);
	printf(",\"outcome\":\"%s\"", outcome);
	if (sqlstate) printf(",\"sqlstate\":\"%s\"", sqlstate);
	if (rows >= 0) printf(",\"rows\":%d", rows);
	if (count > 0) {
		printf(",\"parameters\":[");
		for (int i = 0; i < count; i++) {
			if (i) putchar(',');
			if (values[i]) print_string(values[i]);
			else printf("null");
		}
		putchar(']');
	}
	printf("}\n");
}

static void open_session(const char *name)
{
	const char *prefix = getenv("APPLICATION_PREFIX");
	char application[100];
	snprintf(application, sizeof application, "%s %s", prefix ? prefix : "libpq", name);
	setenv("PGAPPNAME", application, 1);
	session = name;
	connection = PQconnectdb("");
	if (PQstatus(connection) != CONNECTION_OK) fail("connect");
}

static void close_session(void)
{
	PQfinish(connection);
	connection = NULL;
}

/* Rows that the tag tells, or that came where there is none; -1 where nobody counts. */
static int rows_of(PGresult *result)
{
	const char *affected = PQcmdTuples(result);
	return *affected ? atoi(affected) : -1;
}

/* Tells a statement by its result, and clears that. */
static void tell_result(const char *text, PGresult *result, int count, const char *const *values)
{
	switch (PQresultStatus(result)) {
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
		tell(text, "success", NULL, rows_of(result), count, values);
		break;
	case PGRES_PIPELINE_ABORTED:
		tell(text, "skipped", NULL, -1, count, values);
		break;
	case PGRES_FATAL_ERROR:
		tell(text, "failure", PQresultErrorField(result, PG_DIAG_SQLSTATE), -1, count, values);
		break;
	default:
		fail(PQresStatus(PQresultStatus(result)));
	}
	PQclear(result);
}

static void exec(const char *text)
{
	tell_result(text, PQexec(connection, text), 0, NULL);
}

static void exec_params(const char *text, int count, const char *const *values)
{
	tell_result(text, PQexecParams(connection, text, count, NULL, values, NULL, NULL, 0), count, values);
}

static void ordinary(void)
{
	const char *one[] = {"1", "one"}, *two[] = {"2", NULL}, *three[] = {"3", ""}, *bad[] = {"x"};
	const char *add = "INSERT INTO thing VALUES ($1, $2)";

	open_session("ordinary");
	exec("CREATE TEMP TABLE thing (id int PRIMARY KEY, name text)");
	exec_params(add, 2, one);
	exec_params(add, 2, two);
	exec_params(add, 2, three);
	exec_params(add, 2, one);
	exec_params("SELECT * FROM thing WHERE id = $1", 1, bad);
	exec("SELECT * FROM thing");
	exec("SELECT * FROM nothing");
	exec("SELEC");

	/* Several statements of one Query, of which the second fails. */
	if (!PQsendQuery(connection, "SELECT 1; SELECT 1/0; SELECT 2")) fail("send");
	tell_result("SELECT 1", PQgetResult(connection), 0, NULL);
	tell_result("SELECT 1/0", PQgetResult(connection), 0, NULL);
	if (PQgetResult(connection) != NULL) fail("a result after the error");
	tell("SELECT 2", "skipped", NULL, -1, 0, NULL);
	close_session();
}

static void prepared(void)
{
	const char *values[] = {"41"};
	PGresult *result;

	open_session("prepared");
	result = PQprepare(connection, "plus", "SELECT $1::int + 1", 0, NULL);
	if (PQresultStatus(result) != PGRES_COMMAND_OK) fail("prepare");
	PQclear(result);
	result = PQdescribePrepared(connection, "plus");
	if (PQnparams(result) != 1 || PQparamtype(result, 0) != 23) fail("describe");
	PQclear(result);
	for (int i = 0; i < 2; i++)
		tell_result("SELECT $1::int + 1", PQexecPrepared(connection, "plus", 1, values, NULL, NULL, 0), 1, values);

	/* A binary value of a type that the server inferred. */
	const char bytes[] = {0, 0, 0, 7};
	const char *binary[] = {bytes}, *shown[] = {"7"};
	int lengths[] = {4}, formats[] = {1};
	tell_result("SELECT $1::int + 1", PQexecPrepared(connection, "plus", 1, binary, lengths, formats, 1), 1, shown);

	result = PQprepare(connection, "idle", "SELECT 'never executed'", 0, NULL);
	PQclear(result);
	exec("DEALLOCATE plus");
	PQclear(PQprepare(connection, "plus", "SELECT $1::int + 1", 0, NULL));
	close_session();
	tell("SELECT 'never executed'", "prepared", NULL, -1, 0, NULL);
	tell("SELECT $1::int + 1", "prepared", NULL, -1, 0, NULL);
}

/* Reads one statement's results of a pipeline, with the NULL behind them. */
static void read_piped(const char *text, int count, const char *const *values)
{
	PGresult *result = PQgetResult(connection);
	if (result == NULL) fail("no result in the pipeline");
	tell_result(text, result, count, values);
	if (PQgetResult(connection) != NULL) fail("more than one result");
}

static void read_sync(void)
{
	PGresult *result = PQgetResult(connection);
	if (PQresultStatus(result) != PGRES_PIPELINE_SYNC) fail("no synchronization point");
	PQclear(result);
}

static void send(const char *text, int count, const char *const *values)
{
	if (!PQsendQueryParams(connection, text, count, NULL, values, NULL, NULL, 0)) fail("send");
}

static void pipelined(void)
{
	const char *one[] = {"1"}, *two[] = {"2"};
	const char *add = "INSERT INTO thing VALUES ($1)", *read = "SELECT id FROM thing";

	open_session("pipeline");
	exec("CREATE TEMP TABLE thing (id int PRIMARY KEY)");
	if (!PQenterPipelineMode(connection)) fail("pipeline");
	send(add, 1, one);
	send(add, 1, two);
	/* Answers by a Flush, before any Sync. */
	if (!PQsendFlushRequest(connection) || PQflush(connection) != 0) fail("flush");
	read_piped(add, 1, one);
	read_piped(add, 1, two);
	send(read, 0, NULL);
	if (!PQpipelineSync(connection)) fail("sync");
	/* The next batch fails in its middle: the rest of it is skipped, and its first is undone. */
	send("DELETE FROM thing WHERE id = $1", 1, one);
	send(add, 1, two);
	send(read, 0, NULL);
	send("SELECT 3", 0, NULL);
	if (!PQpipelineSync(connection)) fail("sync");
	send(read, 0, NULL);
	if (!PQpipelineSync(connection)) fail("sync");
	read_piped(read, 0, NULL);
	read_sync();
	read_piped("DELETE FROM thing WHERE id = $1", 1, one);
	read_piped(add, 1, two);
	read_piped(read, 0, NULL);
	read_piped("SELECT 3", 0, NULL);
	read_sync();
	read_piped(read, 0, NULL);
	read_sync();
	if (!PQexitPipelineMode(connection)) fail("exit");
	close_session();
}

static void by_rows(void)
{
	const char *text = "SELECT n FROM generate_series(1, 5) AS n";
	PGresult *result;
	int rows = 0;

	open_session("rows");
	if (!PQsendQuery(connection, text) || !PQsetSingleRowMode(connection)) fail("single rows");
	while ((result = PQgetResult(connection)) != NULL) {
		rows += PQntuples(result);
		PQclear(result);
	}
	tell(text, "success", NULL, rows, 0, NULL);
#ifdef LIBPQ_HAS_CHUNK_MODE
	rows = 0;
	if (!PQsendQueryParams(connection, text, 0, NULL, NULL, NULL, NULL, 1)) fail("send");
	if (!PQsetChunkedRowsMode(connection, 2)) fail("chunks");
	while ((result = PQgetResult(connection)) != NULL) {
		rows += PQntuples(result);
		PQclear(result);
	}
	tell(text, "success", NULL, rows, 0, NULL);
#endif
	close_session();
}

static void put(const char *text)
{
	if (PQputCopyData(connection, text, (int) strlen(text)) != 1) fail("put");
}

static void copying(void)
{
	const char *in = "COPY thing FROM STDIN", *out = "COPY thing TO STDOUT";
	PGresult *result;
	char *line;
	int rows = 0;

	open_session("copy");
	exec("CREATE TEMP TABLE thing (id int, name text)");
	PQclear(PQexec(connection, in));
	put("1\tone\n");
	put("2\t\\N\n");
	if (PQputCopyEnd(connection, NULL) != 1) fail("end");
	tell_result(in, PQgetResult(connection), 0, NULL);
	if (PQgetResult(connection) != NULL) fail("copy");

	PQclear(PQexec(connection, in));
	put("3\tthree\n");
	if (PQputCopyEnd(connection, "changed my mind") != 1) fail("end");
	tell_result(in, PQgetResult(connection), 0, NULL);
	if (PQgetResult(connection) != NULL) fail("copy");

	/* By the extended protocol. */
	result = PQexecParams(connection, out, 0, NULL, NULL, NULL, NULL, 0);
	if (PQresultStatus(result) != PGRES_COPY_OUT) fail("copy out");
	PQclear(result);
	while (PQgetCopyData(connection, &line, 0) > 0) {
		rows++;
		PQfreemem(line);
	}
	tell(out, "success", NULL, rows, 0, NULL);
	PQclear(PQgetResult(connection));
	if (PQgetResult(connection) != NULL) fail("copy out");
	close_session();
}

static void cancelling(void)
{
	char error[256];
	PGcancel *cancel;

	open_session("cancel");
	cancel = PQgetCancel(connection);
	/* Whether it comes before the sleep or within it: the server looks at it when it sleeps. */
	if (!PQsendQuery(connection, "SELECT pg_sleep(60)") || PQflush(connection) != 0) fail("send");
	PGresult *result = NULL;
	for (int tries = 0; tries < 1000 && PQisBusy(connection); tries++) {
		if (!PQcancel(cancel, error, sizeof error)) fail(error);
		if (!PQconsumeInput(connection)) fail("read");
	}
	result = PQgetResult(connection);
	tell("SELECT pg_sleep(60)", "cancelled", PQresultErrorField(result, PG_DIAG_SQLSTATE), -1, 0, NULL);
	PQclear(result);
	PQfreeCancel(cancel);
	close_session();
}

int main(void)
{
	int version = PQlibVersion();

	printf("{\"version\":\"%d.%d\"}\n", version / 10000, version % 10000);
	ordinary();
	prepared();
	pipelined();
	by_rows();
	copying();
	cancelling();
	return 0;
}

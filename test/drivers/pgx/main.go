// pgx v5: what it issues through the proxy, one line of JSON each, with what it saw of it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"
)

// More keys than session, text and outcome.
type more map[string]any

var ctx = context.Background()

func tell(session, text, outcome string, others ...more) {
	line := more{"session": session, "text": text, "outcome": outcome}
	for _, other := range others {
		for key, value := range other {
			line[key] = value
		}
	}
	encoded, err := json.Marshal(line)
	must(err)
	fmt.Println(string(encoded))
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func config(session string, mode pgx.QueryExecMode) *pgx.ConnConfig {
	config, err := pgx.ParseConfig("")
	must(err)
	config.RuntimeParams["application_name"] = os.Getenv("APPLICATION_PREFIX") + " " + session
	config.DefaultQueryExecMode = mode
	return config
}

func connect(session string, mode pgx.QueryExecMode) *pgx.Conn {
	connection, err := pgx.ConnectConfig(ctx, config(session, mode))
	must(err)
	return connection
}

func sqlstate(err error) string {
	var answer *pgconn.PgError
	if !errors.As(err, &answer) {
		must(err)
	}
	return answer.Code
}

// What came of a statement with these values, as they are to be shown.
func outcome(session, text string, tag pgconn.CommandTag, err error, shown []any) {
	values := more{}
	if shown != nil {
		values["parameters"] = shown
	}
	if err != nil {
		tell(session, text, "failure", values, more{"sqlstate": sqlstate(err)})
		return
	}
	rows := more{}
	if tag.Select() || tag.Insert() || tag.Update() || tag.Delete() || strings.HasPrefix(tag.String(), "COPY") {
		rows["rows"] = tag.RowsAffected()
	}
	tell(session, text, "success", values, rows)
}

func exec(session string, connection *pgx.Conn, text string, shown []any, values ...any) {
	tag, err := connection.Exec(ctx, text, values...)
	outcome(session, text, tag, err, shown)
}

// The same statements by each way that pgx has to run them.
func modes() {
	names := map[pgx.QueryExecMode]string{
		pgx.QueryExecModeCacheStatement: "cache-statement",
		pgx.QueryExecModeCacheDescribe:  "cache-describe",
		pgx.QueryExecModeDescribeExec:   "describe-exec",
		pgx.QueryExecModeExec:           "exec",
	}
	for mode, session := range names {
		connection := connect(session, mode)
		exec(session, connection, "CREATE TEMP TABLE thing (id int PRIMARY KEY, name text, price numeric)", nil)
		// Described by a Parse of its own at the first time, which is then abandoned.
		describe := func(text string) {
			if mode == pgx.QueryExecModeCacheDescribe {
				tell(session, text, "prepared")
			}
		}
		add := "INSERT INTO thing VALUES ($1, $2, $3)"
		describe(add)
		exec(session, connection, add, []any{"1", "one", "12.50"}, 1, "one", "12.50")
		exec(session, connection, add, []any{"2", nil, nil}, 2, nil, nil)
		exec(session, connection, add, []any{"3", "", "0"}, 3, "", "0")
		exec(session, connection, add, []any{"1", "again", nil}, 1, "again", nil)
		exec(session, connection, "SELECT * FROM nothing", nil)
		at := time.Date(2026, 11, 21, 22, 6, 1, 123456000, time.UTC)
		when := "2026-11-21 22:06:01.123456+00"
		if mode == pgx.QueryExecModeExec {
			when = "2026-11-21 22:06:01.123456Z"
		}
		text := "SELECT $1::int8, $2::float8, $3::bool, $4::bytea, $5::timestamptz, $6::uuid"
		id := "00000000-0000-0000-0000-0000000000ff"
		truth := "true"
		if mode == pgx.QueryExecModeExec {
			truth = "t"
		}
		describe(text)
		exec(session, connection, text, []any{"5000000000", "-0.5", truth, "\\x00ff", when, id},
			int64(5000000000), -0.5, true, []byte{0, 255}, at, id)
		must(connection.Close(ctx))
	}

	session := "simple"
	simple := connect(session, pgx.QueryExecModeSimpleProtocol)
	_, err := simple.Exec(ctx, "SELECT $1::int, $2::text", 1, "it's")
	must(err)
	// The driver puts the values into the text.
	tell(session, "SELECT  '1' ::int,  'it''s' ::text", "success", more{"rows": 1, "protocol": "simple"})
	must(simple.Close(ctx))
}

func batches() {
	session := "batch"
	connection := connect(session, pgx.QueryExecModeCacheDescribe)
	exec(session, connection, "CREATE TEMP TABLE thing (id int PRIMARY KEY)", nil)
	add, read := "INSERT INTO thing VALUES ($1)", "SELECT id FROM thing"
	send := func(queries ...func(*pgx.Batch) (string, []any)) {
		batch := &pgx.Batch{}
		var texts []string
		var shown [][]any
		for _, query := range queries {
			text, values := query(batch)
			texts, shown = append(texts, text), append(shown, values)
		}
		results := connection.SendBatch(ctx, batch)
		failed := false
		for index, text := range texts {
			tag, err := results.Exec()
			if failed {
				values := more{}
				if shown[index] != nil {
					values["parameters"] = shown[index]
				}
				tell(session, text, "skipped", values)
				continue
			}
			outcome(session, text, tag, err, shown[index])
			failed = err != nil
		}
		results.Close()
	}
	insert := func(id int) func(*pgx.Batch) (string, []any) {
		return func(batch *pgx.Batch) (string, []any) {
			batch.Queue(add, id)
			return add, []any{fmt.Sprint(id)}
		}
	}
	all := func(batch *pgx.Batch) (string, []any) {
		batch.Queue(read)
		return read, nil
	}
	// New texts of a batch are described first.
	tell(session, add, "prepared")
	tell(session, read, "prepared")
	send(insert(1), insert(2), all)
	send(insert(3), insert(1), all, insert(4))
	// After a failure the driver describes anew.
	tell(session, read, "prepared")
	send(all)
	must(connection.Close(ctx))
}

func transactions() {
	session := "transaction"
	connection := connect(session, pgx.QueryExecModeCacheStatement)
	transaction, err := connection.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.Serializable})
	must(err)
	tell(session, "begin isolation level serializable", "success")
	exec(session, connection, "CREATE TEMP TABLE thing (id int)", nil)
	inner, err := transaction.Begin(ctx)
	must(err)
	tell(session, "savepoint sp_1", "success")
	exec(session, connection, "SELECT 1/0", nil)
	must(inner.Rollback(ctx))
	tell(session, "rollback to savepoint sp_1", "success")
	inner, err = transaction.Begin(ctx)
	must(err)
	tell(session, "savepoint sp_2", "success")
	must(inner.Commit(ctx))
	tell(session, "release savepoint sp_2", "success")
	must(transaction.Commit(ctx))
	tell(session, "commit", "success")
	// A COMMIT of a failed transaction is answered ROLLBACK.
	transaction, err = connection.Begin(ctx)
	must(err)
	tell(session, "begin", "success")
	exec(session, connection, "SELECT * FROM nothing", nil)
	if err := transaction.Commit(ctx); !errors.Is(err, pgx.ErrTxCommitRollback) {
		must(fmt.Errorf("a commit of what failed: %v", err))
	}
	fmt.Println(`{"session":"transaction","text":"commit","outcome":"failure"}`)
	must(connection.Close(ctx))
}

func copies() {
	session := "copy"
	connection := connect(session, pgx.QueryExecModeCacheStatement)
	exec(session, connection, "CREATE TEMP TABLE thing (id int, name text)", nil)
	count, err := connection.CopyFrom(ctx, pgx.Identifier{"thing"}, []string{"id", "name"},
		pgx.CopyFromRows([][]any{{1, "one"}, {2, nil}, {3, ""}}))
	must(err)
	// The columns' types are asked by a statement that is prepared and never executed.
	tell(session, `copy "thing" ( "id", "name" ) from stdin binary`, "success", more{"rows": count})
	_, err = connection.CopyFrom(ctx, pgx.Identifier{"thing"}, []string{"id"},
		pgx.CopyFromFunc(func() ([]any, error) { return nil, errors.New("changed my mind") }))
	tell(session, `copy "thing" ( "id" ) from stdin binary`, "failure", more{"sqlstate": sqlstate(err)})
	tag, err := connection.PgConn().CopyTo(ctx, discard{}, "COPY thing TO STDOUT")
	outcome(session, "COPY thing TO STDOUT", tag, err, nil)
	must(connection.Close(ctx))
	tell(session, `select "id", "name" from "thing"`, "prepared")
	tell(session, `select "id" from "thing"`, "prepared")
}

type discard struct{}

func (discard) Write(bytes []byte) (int, error) { return len(bytes), nil }

func prepared() {
	session := "prepared"
	connection := connect(session, pgx.QueryExecModeCacheStatement)
	_, err := connection.Prepare(ctx, "plus", "SELECT $1::int + 1")
	must(err)
	for _, value := range []int{1, 2} {
		var sum int
		must(connection.QueryRow(ctx, "plus", value).Scan(&sum))
		tell(session, "SELECT $1::int + 1", "success", more{"rows": 1, "parameters": []string{fmt.Sprint(value)}})
	}
	must(connection.Deallocate(ctx, "plus"))
	must(connection.Close(ctx))
}

func pipelines() {
	session := "pipeline"
	connection := connect(session, pgx.QueryExecModeCacheStatement)
	raw := connection.PgConn()
	pipeline := raw.StartPipeline(ctx)
	pipeline.SendPrepare("one", "SELECT 1", nil)
	pipeline.SendQueryPrepared("one", nil, nil, nil)
	pipeline.SendQueryParams("SELECT $1::int", [][]byte{[]byte("7")}, nil, nil, nil)
	must(pipeline.Sync())
	pipeline.SendQueryParams("SELECT 1/0", nil, nil, nil, nil)
	pipeline.SendQueryPrepared("one", nil, nil, nil)
	must(pipeline.Sync())
	must(pipeline.Flush())
	var failure error
	for {
		result, err := pipeline.GetResults()
		if err != nil {
			failure = err
			continue
		}
		if result == nil {
			break
		}
		if reader, ok := result.(*pgconn.ResultReader); ok {
			reader.Close()
		}
	}
	_ = pipeline.Close()
	tell(session, "SELECT 1", "success", more{"rows": 1})
	tell(session, "SELECT $1::int", "success", more{"rows": 1, "parameters": []string{"7"}})
	tell(session, "SELECT 1/0", "failure", more{"sqlstate": sqlstate(failure)})
	tell(session, "SELECT 1", "skipped")
	must(connection.Close(ctx))
}

func notifications() {
	session := "notify"
	connection := connect(session, pgx.QueryExecModeCacheDescribe)
	exec(session, connection, "LISTEN news", nil)
	tell(session, "SELECT pg_notify($1, $2)", "prepared")
	exec(session, connection, "SELECT pg_notify($1, $2)", []any{"news", "heard"}, "news", "heard")
	notification, err := connection.WaitForNotification(ctx)
	must(err)
	if notification.Payload != "heard" {
		must(errors.New(notification.Payload))
	}
	must(connection.Close(ctx))
}

func pools() {
	session := "pool"
	settings, err := pgxpool.ParseConfig("")
	must(err)
	settings.ConnConfig = config(session, pgx.QueryExecModeExec)
	settings.MaxConns = 1
	pool, err := pgxpool.NewWithConfig(ctx, settings)
	must(err)
	tag, err := pool.Exec(ctx, "SELECT $1::int", 1)
	outcome(session, "SELECT $1::int", tag, err, []any{"1"})
	must(pool.Ping(ctx))
	// A ping is a comment, which asks nothing.
	pool.Close()
}

func cancels() {
	session := "cancel"
	settings := config(session, pgx.QueryExecModeExec)
	settings.BuildContextWatcherHandler = func(connection *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: connection, DeadlineDelay: time.Minute}
	}
	connection, err := pgx.ConnectConfig(ctx, settings)
	must(err)
	short, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	_, err = connection.Exec(short, "SELECT pg_sleep(60)")
	cancel()
	tell(session, "SELECT pg_sleep(60)", "cancelled", more{"sqlstate": sqlstate(err)})
	must(connection.Close(ctx))
}

func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "github.com/jackc/pgx/v5" {
			return strings.TrimPrefix(module.Version, "v")
		}
	}
	return "unknown"
}

func main() {
	line, err := json.Marshal(more{"version": version()})
	must(err)
	fmt.Println(string(line))
	modes()
	batches()
	transactions()
	copies()
	prepared()
	pipelines()
	notifications()
	pools()
	cancels()
}

//! tokio-postgres: what it issues through the proxy, one line of JSON each, with what it saw of it.

use std::env;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, TryStreamExt, future, pin_mut};
use native_tls::{Certificate, TlsConnector};
use postgres_native_tls::MakeTlsConnector;
use serde_json::{Value, json};
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, Error, NoTls};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn tell(session: &str, text: &str, outcome: &str, more: Value) {
    let mut line = json!({ "session": session, "text": text, "outcome": outcome });
    for (key, value) in more.as_object().expect("an object") {
        line[key] = value.clone();
    }
    println!("{line}");
}

fn sqlstate(error: &Error) -> &str {
    error.code().expect("an error of the server").code()
}

fn connector() -> Result<MakeTlsConnector, Box<dyn std::error::Error>> {
    let mut builder = TlsConnector::builder();
    if let Ok(file) = env::var("PGSSLROOTCERT") {
        builder.add_root_certificate(Certificate::from_pem(&std::fs::read(file)?)?);
    }
    Ok(MakeTlsConnector::new(builder.build()?))
}

fn with_tls() -> bool {
    env::var("PGSSLMODE").is_ok_and(|mode| mode == "verify-full")
}

async fn connect(session: &str) -> Result<Client, Box<dyn std::error::Error>> {
    let variable = |name: &str| env::var(name).unwrap_or_default();
    let mut config = Config::new();
    config
        .host(variable("PGHOST"))
        .port(variable("PGPORT").parse()?)
        .user(variable("PGUSER"))
        .password(variable("PGPASSWORD"))
        .dbname(variable("PGDATABASE"))
        .application_name(format!("{} {session}", variable("APPLICATION_PREFIX")));
    if with_tls() {
        config.ssl_mode(tokio_postgres::config::SslMode::Require);
        let (client, connection) = config.connect(connector()?).await?;
        tokio::spawn(connection);
        Ok(client)
    } else {
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }
}

/// Executes, values in binary format, and tells it with the values as they are to be shown.
async fn execute(session: &str, client: &Client, text: &str, values: &[&(dyn ToSql + Sync)], shown: Value) {
    let said = |more: Value| {
        let mut more = more;
        if !values.is_empty() {
            more["parameters"] = shown.clone();
        }
        more
    };
    match client.execute(text, values).await {
        Ok(rows) => tell(session, text, "success", said(json!({ "rows": rows }))),
        Err(error) => tell(session, text, "failure", said(json!({ "sqlstate": sqlstate(&error) }))),
    }
}

async fn simple(session: &str, client: &Client, text: &str) {
    match client.batch_execute(text).await {
        Ok(()) => tell(session, text, "success", json!({ "protocol": "simple" })),
        Err(error) => tell(session, text, "failure", json!({ "sqlstate": sqlstate(&error) })),
    }
}

async fn ordinary() -> Outcome {
    let session = "ordinary";
    let client = connect(session).await?;
    simple(session, &client, "CREATE TEMP TABLE thing (id int PRIMARY KEY, name text, note json)").await;
    let add = "INSERT INTO thing VALUES ($1, $2, $3)";
    let note = json!({ "a": 1 });
    execute(session, &client, add, &[&1, &"one", &note], json!(["1", "one", "{\"a\":1}"])).await;
    execute(session, &client, add, &[&2, &None::<&str>, &None::<Value>], json!(["2", null, null])).await;
    execute(session, &client, add, &[&3, &"", &None::<Value>], json!(["3", "", null])).await;
    execute(session, &client, add, &[&1, &"again", &None::<Value>], json!(["1", "again", null])).await;
    // A failed Parse.
    execute(session, &client, "SELECT * FROM nothing", &[], json!([])).await;
    simple(session, &client, "SELEC").await;
    // Each is prepared, executed and closed.
    let text = "SELECT $1::int8, $2::float8, $3::bool, $4::bytea";
    let bytes: &[u8] = &[0, 255];
    execute(
        session,
        &client,
        text,
        &[&5_000_000_000_i64, &-0.5_f64, &true, &bytes],
        json!(["5000000000", "-0.5", "true", "\\x00ff"]),
    )
    .await;
    client.query_typed("SELECT $1 || $2", &[(&"a", Type::TEXT), (&"b", Type::TEXT)]).await?;
    tell(session, "SELECT $1 || $2", "success", json!({ "rows": 1, "parameters": ["a", "b"] }));
    client.simple_query("SELECT 1; SELECT 2").await?;
    tell(session, "SELECT 1", "success", json!({ "rows": 1 }));
    tell(session, "SELECT 2", "success", json!({ "rows": 1 }));
    Ok(())
}

/// Futures that are polled together are sent together, without waiting for each other's answers.
async fn pipelined() -> Outcome {
    let session = "pipeline";
    let client = connect(session).await?;
    simple(session, &client, "CREATE TEMP TABLE thing (id int PRIMARY KEY)").await;
    let add = client.prepare("INSERT INTO thing VALUES ($1)").await?;
    let read = client.prepare("SELECT id FROM thing").await?;
    let (one, again, two, rows) = future::join4(
        client.execute(&add, &[&1]),
        client.execute(&add, &[&1]),
        client.execute(&add, &[&2]),
        client.query(&read, &[]),
    )
    .await;
    let text = "INSERT INTO thing VALUES ($1)";
    tell(session, text, "success", json!({ "rows": one?, "parameters": ["1"] }));
    let error = again.expect_err("a row that is there");
    tell(session, text, "failure", json!({ "sqlstate": sqlstate(&error), "parameters": ["1"] }));
    tell(session, text, "success", json!({ "rows": two?, "parameters": ["2"] }));
    tell(session, "SELECT id FROM thing", "success", json!({ "rows": rows?.len() }));
    Ok(())
}

async fn transactions() -> Outcome {
    let session = "transaction";
    let mut client = connect(session).await?;
    simple(session, &client, "CREATE TEMP TABLE thing (id int)").await;
    let mut transaction = client.build_transaction().read_only(false).start().await?;
    tell(session, "START TRANSACTION READ WRITE", "success", json!({}));
    {
        let inner = transaction.transaction().await?;
        tell(session, "SAVEPOINT sp_1", "success", json!({}));
        let error = inner.batch_execute("SELECT 1/0").await.expect_err("a division");
        tell(session, "SELECT 1/0", "failure", json!({ "sqlstate": sqlstate(&error) }));
        inner.rollback().await?;
        tell(session, "ROLLBACK TO sp_1", "success", json!({}));
    }
    let text = "SELECT n FROM generate_series(1, 5) AS n";
    let statement = transaction.prepare(text).await?;
    let portal = transaction.bind(&statement, &[]).await?;
    for (limit, outcome) in [(2, "suspended"), (2, "suspended"), (2, "success")] {
        let rows = transaction.query_portal(&portal, limit).await?;
        tell(session, text, outcome, json!({ "rows": rows.len() }));
    }
    drop(portal);
    transaction.commit().await?;
    tell(session, "COMMIT", "success", json!({}));
    // A transaction that is dropped is rolled back.
    drop(client.transaction().await?);
    tell(session, "START TRANSACTION", "success", json!({}));
    tell(session, "ROLLBACK", "success", json!({}));
    client.batch_execute("").await?;
    Ok(())
}

async fn copying() -> Outcome {
    let session = "copy";
    let client = connect(session).await?;
    simple(session, &client, "CREATE TEMP TABLE thing (id int, name text)").await;
    let copy_in = "COPY thing FROM STDIN";
    let sink = client.copy_in(copy_in).await?;
    pin_mut!(sink);
    sink.send(Bytes::from_static(b"1\tone\n")).await?;
    sink.send(Bytes::from_static(b"2\t\\N\n")).await?;
    let rows = sink.finish().await?;
    tell(session, copy_in, "success", json!({ "rows": rows, "bytes_in": 11 }));

    let copy_binary = "COPY thing FROM STDIN (FORMAT binary)";
    let sink = client.copy_in(copy_binary).await?;
    let writer = BinaryCopyInWriter::new(sink, &[Type::INT4, Type::TEXT]);
    pin_mut!(writer);
    writer.as_mut().write(&[&3, &"three"]).await?;
    let rows = writer.finish().await?;
    tell(session, copy_binary, "success", json!({ "rows": rows }));

    // A sink that is dropped fails the COPY.
    let sink: tokio_postgres::CopyInSink<Bytes> = client.copy_in(copy_in).await?;
    drop(sink);
    tell(session, copy_in, "failure", json!({ "sqlstate": "57014" }));

    let copy_out = "COPY thing TO STDOUT";
    let chunks: Vec<Bytes> = client.copy_out(copy_out).await?.try_collect().await?;
    tell(session, copy_out, "success", json!({ "rows": chunks.len() }));
    Ok(())
}

async fn cancelling() -> Outcome {
    let session = "cancel";
    let client = connect(session).await?;
    let token = client.cancel_token();
    let asking = async {
        // The server must have begun; a cancel that comes too early hits nothing.
        loop {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let asked = if with_tls() {
                token.cancel_query(connector().expect("TLS")).await
            } else {
                token.cancel_query(NoTls).await
            };
            asked.expect("a cancel request");
        }
    };
    let sleeping = client.batch_execute("SELECT pg_sleep(60)");
    pin_mut!(asking, sleeping);
    match future::select(asking, sleeping).await {
        future::Either::Right((Err(error), _)) => {
            tell(session, "SELECT pg_sleep(60)", "cancelled", json!({ "sqlstate": sqlstate(&error) }));
        }
        _ => panic!("the sleep was not cancelled"),
    }
    Ok(())
}

async fn streaming() -> Outcome {
    let session = "stream";
    let client = connect(session).await?;
    let text = "SELECT n FROM generate_series(1, $1::int) AS n";
    let rows = client.query_raw(text, &[3_i32]).await?;
    pin_mut!(rows);
    let mut count = 0;
    while let Some(row) = rows.next().await {
        row?;
        count += 1;
    }
    tell(session, text, "success", json!({ "rows": count, "parameters": ["3"] }));
    Ok(())
}

#[tokio::main]
async fn main() -> Outcome {
    println!("{}", json!({ "version": "0.7.18" }));
    ordinary().await?;
    pipelined().await?;
    transactions().await?;
    copying().await?;
    cancelling().await?;
    streaming().await
}

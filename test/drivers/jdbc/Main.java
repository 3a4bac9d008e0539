import java.io.ByteArrayInputStream;
import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.BatchUpdateException;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Types;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;
import org.postgresql.largeobject.LargeObject;
import org.postgresql.largeobject.LargeObjectManager;

/** pgjdbc: what it issues through the proxy, one line of JSON each, with what it saw of it. */
public class Main {
  private static String session;

  private static String quoted(String text) {
    if (text == null) return "null";
    return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + '"';
  }

  /** Tells a statement; `more` are keys and values of JSON. */
  private static void tell(String text, String outcome, String... more) {
    StringBuilder line = new StringBuilder("{\"session\":" + quoted(session));
    line.append(",\"text\":").append(quoted(text)).append(",\"outcome\":").append(quoted(outcome));
    for (int i = 0; i < more.length; i += 2) {
      line.append(',').append(quoted(more[i])).append(':').append(more[i + 1]);
    }
    System.out.println(line.append('}'));
  }

  private static String list(String... values) {
    List<String> all = new ArrayList<>();
    for (String value : values) all.add(quoted(value));
    return "[" + String.join(",", all) + "]";
  }

  private static Connection connect(String name, String... options) throws SQLException {
    session = name;
    Properties properties = new Properties();
    properties.setProperty("user", System.getenv("PGUSER"));
    properties.setProperty("password", System.getenv("PGPASSWORD"));
    properties.setProperty("ApplicationName", System.getenv("APPLICATION_PREFIX") + " " + name);
    properties.setProperty("sslmode", System.getenv("PGSSLMODE"));
    if (System.getenv("PGSSLROOTCERT") != null) {
      properties.setProperty("sslrootcert", System.getenv("PGSSLROOTCERT"));
    }
    for (int i = 0; i < options.length; i += 2) properties.setProperty(options[i], options[i + 1]);
    String url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/"
        + System.getenv("PGDATABASE");
    Connection connection = DriverManager.getConnection(url, properties);
    // The driver does not know the server's version before, and tells the name when it does.
    tell("SET application_name = '" + properties.getProperty("ApplicationName") + "'", "success");
    return connection;
  }

  /** Runs a text without values and tells what came of it. */
  private static void run(Connection connection, String text) {
    try (Statement statement = connection.createStatement()) {
      boolean has_rows = statement.execute(text);
      int count = statement.getUpdateCount();
      if (has_rows) {
        int rows = 0;
        for (ResultSet set = statement.getResultSet(); set.next();) rows++;
        tell(text, "success", "rows", "" + rows);
      } else if (count > 0) {
        tell(text, "success", "rows", "" + count);
      } else {
        tell(text, "success");
      }
    } catch (SQLException error) {
      tell(text, "failure", "sqlstate", quoted(error.getSQLState()));
    }
  }

  private static void ordinary() throws SQLException {
    try (Connection connection = connect("ordinary")) {
      run(connection, "CREATE TEMP TABLE thing (id int PRIMARY KEY, name text, price numeric)");
      String sent = "INSERT INTO thing VALUES ($1, $2, $3)";
      try (PreparedStatement add = connection.prepareStatement("INSERT INTO thing VALUES (?, ?, ?)")) {
        Object[][] rows = {{1, "one", "12.50"}, {2, null, null}, {3, "", "0"}, {1, "again", null}};
        for (Object[] row : rows) {
          add.setInt(1, (Integer) row[0]);
          add.setString(2, (String) row[1]);
          add.setBigDecimal(3, row[2] == null ? null : new BigDecimal((String) row[2]));
          String values = list("" + row[0], (String) row[1], (String) row[2]);
          try {
            tell(sent, "success", "rows", "" + add.executeUpdate(), "parameters", values);
          } catch (SQLException error) {
            tell(sent, "failure", "sqlstate", quoted(error.getSQLState()), "parameters", values);
          }
        }
      }
      run(connection, "SELECT * FROM nothing");
      run(connection, "SELEC");
      // Several statements of one call are several Parses of one batch, the last of which fails.
      try (Statement several = connection.createStatement()) {
        several.execute("UPDATE thing SET name = 'x'; SELECT 1; SELECT 1/0");
      } catch (SQLException error) {
        tell("UPDATE thing SET name = 'x'", "success", "rows", "3");
        tell("SELECT 1", "success", "rows", "1");
        tell("SELECT 1/0", "failure", "sqlstate", quoted(error.getSQLState()));
      }
      try (PreparedStatement generated = connection.prepareStatement(
          "INSERT INTO thing VALUES (9)", Statement.RETURN_GENERATED_KEYS)) {
        generated.executeUpdate();
        tell("INSERT INTO thing VALUES (9)\nRETURNING *", "success", "rows", "1");
      }
    }
  }

  /** From the fifth execution a statement is prepared by name, and values go in binary format. */
  private static void prepared() throws SQLException {
    try (Connection connection = connect("prepared", "prepareThreshold", "3")) {
      String sent = "SELECT $1, $2, $3, $4, $5";
      try (PreparedStatement statement = connection.prepareStatement("SELECT ?, ?, ?, ?, ?")) {
        for (int i = 1; i <= 5; i++) {
          statement.setInt(1, i);
          statement.setLong(2, 5_000_000_000L);
          statement.setDouble(3, -0.5);
          statement.setBigDecimal(4, new BigDecimal("-12.50"));
          statement.setBytes(5, new byte[] {0, (byte) 255});
          statement.executeQuery().close();
          tell(sent, "success", "rows", "1", "parameters",
              list("" + i, "5000000000", "-0.5", "-12.50", "\\x00ff"));
        }
      }
    }
  }

  private static void simpleMode() throws SQLException {
    try (Connection connection = connect("simple", "preferQueryMode", "simple");
        PreparedStatement statement = connection.prepareStatement("SELECT ?, ?")) {
      statement.setInt(1, 7);
      statement.setString(2, "it's");
      statement.executeQuery().close();
      tell("SELECT ('7'::int4), ('it''s')", "success", "rows", "1", "protocol", quoted("simple"));
    }
  }

  private static void batches() throws SQLException {
    try (Connection connection = connect("batch")) {
      run(connection, "CREATE TEMP TABLE thing (id int PRIMARY KEY)");
      String sent = "INSERT INTO thing VALUES ($1)";
      try (PreparedStatement add = connection.prepareStatement("INSERT INTO thing VALUES (?)")) {
        for (int[] ids : new int[][] {{1, 2, 3}, {4, 1, 5}}) {
          for (int id : ids) {
            add.setInt(1, id);
            add.addBatch();
          }
          try {
            add.executeBatch();
            for (int id : ids) tell(sent, "success", "rows", "1", "parameters", list("" + id));
          } catch (BatchUpdateException error) {
            tell(sent, "success", "rows", "1", "parameters", list("4"));
            tell(sent, "failure", "sqlstate", quoted(error.getSQLState()), "parameters", list("1"));
            tell(sent, "skipped", "parameters", list("5"));
          }
        }
      }
    }
    try (Connection connection = connect("rewritten", "reWriteBatchedInserts", "true")) {
      run(connection, "CREATE TEMP TABLE thing (id int PRIMARY KEY)");
      try (PreparedStatement add = connection.prepareStatement("INSERT INTO thing VALUES (?)")) {
        for (int id = 1; id <= 4; id++) {
          add.setInt(1, id);
          add.addBatch();
        }
        add.executeBatch();
        tell("INSERT INTO thing VALUES ($1),($2),($3),($4)", "success", "rows", "4", "parameters",
            list("1", "2", "3", "4"));
      }
    }
  }

  private static void transactions() throws SQLException {
    try (Connection connection = connect("transaction")) {
      connection.setAutoCommit(false);
      tell("BEGIN", "success");
      run(connection, "CREATE TEMP TABLE thing (id int)");
      Savepoint here = connection.setSavepoint("here");
      tell("SAVEPOINT \"here\"", "success");
      run(connection, "SELECT 1/0");
      connection.rollback(here);
      tell("ROLLBACK TO SAVEPOINT \"here\"", "success");
      connection.releaseSavepoint(here);
      tell("RELEASE SAVEPOINT \"here\"", "success");
      connection.commit();
      tell("COMMIT", "success");
      // Rows by parts of two: a portal that is suspended.
      tell("BEGIN", "success");
      String text = "SELECT n FROM generate_series(1, 5) AS n";
      try (Statement statement = connection.createStatement()) {
        statement.setFetchSize(2);
        for (ResultSet set = statement.executeQuery(text); set.next();) continue;
        tell(text, "suspended", "rows", "2");
        tell(text, "suspended", "rows", "2");
        tell(text, "success", "rows", "1");
      }
      connection.rollback();
      tell("ROLLBACK", "success");
    }
    try (Connection connection = connect("autosave", "autosave", "always")) {
      connection.setAutoCommit(false);
      tell("BEGIN", "success");
      tell("SAVEPOINT PGJDBC_AUTOSAVE", "success");
      run(connection, "SELECT 1");
      tell("SAVEPOINT PGJDBC_AUTOSAVE", "success");
      run(connection, "SELECT 1/0");
      tell("ROLLBACK TO SAVEPOINT PGJDBC_AUTOSAVE", "success");
      connection.commit();
      tell("COMMIT", "success");
    }
  }

  private static void copying() throws Exception {
    try (Connection connection = connect("copy")) {
      run(connection, "CREATE TEMP TABLE thing (id int, name text)");
      CopyManager copy = connection.unwrap(PGConnection.class).getCopyAPI();
      long rows = copy.copyIn("COPY thing FROM STDIN", new StringReader("1\tone\n2\t\\N\n"));
      tell("COPY thing FROM STDIN", "success", "rows", "" + rows, "bytes_in", "11");
      rows = copy.copyOut("COPY thing TO STDOUT", new StringWriter());
      tell("COPY thing TO STDOUT", "success", "rows", "" + rows);
      try {
        copy.copyIn("COPY thing FROM STDIN", new ByteArrayInputStream("bad\n".getBytes()));
      } catch (SQLException error) {
        tell("COPY thing FROM STDIN", "failure", "sqlstate", quoted(error.getSQLState()));
      }
    }
  }

  /** Large objects go by FunctionCall, after the driver has asked for the functions' numbers. */
  private static void largeObjects() throws SQLException {
    try (Connection connection = connect("large")) {
      connection.setAutoCommit(false);
      LargeObjectManager manager = connection.unwrap(PGConnection.class).getLargeObjectAPI();
      tell("BEGIN", "success");
      System.out.println("{\"session\":\"large\",\"text_starts\":\"SELECT p.proname,p.oid \","
          + "\"outcome\":\"success\"}");
      long oid = manager.createLO(LargeObjectManager.READWRITE);
      LargeObject object = manager.open(oid, LargeObjectManager.READWRITE);
      object.write("large".getBytes());
      object.close();
      manager.delete(oid);
      String mode = Integer.toString(LargeObjectManager.READWRITE);
      String number = Long.toString(oid);
      tellCall("lo_creat(integer)", mode);
      tellCall("lo_open(oid, integer)", number, mode);
      tellCall("lowrite(integer, bytea)", "0", "\\x6c61726765");
      tellCall("lo_close(integer)", "0");
      tellCall("lo_unlink(oid)", number);
      connection.rollback();
      tell("ROLLBACK", "success");
    }
  }

  private static void tellCall(String function, String... values) {
    tell("pg_catalog." + function, "success", "protocol", quoted("function"), "parameters", list(values));
  }

  private static void calls() throws SQLException {
    try (Connection connection = connect("call", "escapeSyntaxCallMode", "callIfNoReturn")) {
      run(connection, "CREATE PROCEDURE pg_temp.twice(INOUT n int) LANGUAGE sql AS 'SELECT n * 2'");
      try (CallableStatement call = connection.prepareCall("{call pg_temp.twice(?)}")) {
        call.registerOutParameter(1, Types.INTEGER);
        call.setInt(1, 21);
        call.execute();
        tell("call pg_temp.twice($1)", "success", "parameters", list("21"));
        if (call.getInt(1) != 42) throw new IllegalStateException("not 42");
      }
    }
  }

  private static void cancelling() throws Exception {
    try (Connection connection = connect("cancel"); Statement statement = connection.createStatement()) {
      statement.setQueryTimeout(1);
      try {
        statement.execute("SELECT pg_sleep(60)");
      } catch (SQLException error) {
        tell("SELECT pg_sleep(60)", "cancelled", "sqlstate", quoted(error.getSQLState()));
      }
    }
  }

  public static void main(String[] arguments) throws Exception {
    System.out.println("{\"version\":" + quoted(org.postgresql.util.DriverInfo.DRIVER_VERSION) + "}");
    ordinary();
    prepared();
    simpleMode();
    batches();
    transactions();
    copying();
    largeObjects();
    calls();
    cancelling();
  }
}

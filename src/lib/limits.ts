/**
 * Every maximum in one place, each with its reason. What a user may change is in the
 * configuration; what stands here is a property of the protocol or of this program.
 */
export const limits = {
  /**
   * PostgreSQL's own MAX_STARTUP_PACKET_LENGTH; a larger startup packet is an attack or a mistake.
   */
  startup_packet_bytes: 10_000,
  /**
   * A PROXY header of version 2 may claim 64 KiB; addresses and the fields that load balancers add
   * take some hundred bytes, and nginx takes no more than this either.
   */
  proxy_header_bytes: 4_096,
  /**
   * SSLRequest and GSSENCRequest may each be asked before the real startup packet, not for ever.
   */
  negotiation_rounds: 4,
  /**
   * Where a connection's bytes are read to: little for a session that waits or sends short
   * statements, and what the kernel gives at once while much comes.
   */
  read_buffer_least_bytes: 2_048,
  read_buffer_most_bytes: 65_536,
  /** PostgreSQL compares statement and portal names by their first NAMEDATALEN - 1 bytes. */
  identifier_bytes: 63,
  /**
   * Bodies that we must read whole (Parse, Query, Bind) are bounded by `limits.message`; others by
   * this.
   */
  collected_body_bytes: 65_536,
  /** Prepared statements and portals that one session may hold before the oldest are forgotten. */
  statements_per_session: 10_000,
  /**
   * Skipped messages behind a failed Parse among which the values of its statement are looked for;
   * its record waits for them, up to the Sync.
   */
  skipped_ahead: 100,
  /** EXECUTE of an EXECUTE, and so on: what lies deeper, or runs in a circle, is not known. */
  nested_executes: 16,
  /** Requests that a client may have outstanding before its socket is paused. */
  pending_requests: 4_096,
  /**
   * Bytes of text and parameters that outstanding requests may hold before the client is paused.
   */
  pending_bytes: 16 * 1024 * 1024,
  /**
   * Texts and values beyond this are hashed or left out while their pipeline has no Sync yet: the
   * client cannot be paused.
   */
  unanswered_bytes: 64 * 1024 * 1024,
  /**
   * Records, and characters of records, that one session makes in one turn of the relay loop:
   * some ten milliseconds, for which the other sessions wait.
   */
  reports_per_turn: 256,
  record_chars_per_turn: 1024 * 1024,
  /**
   * Characters of one text that may be repeated in the records of its statements, where each shows
   * the whole: a Query of a hundred thousand statements would make as many copies of itself.
   */
  repeated_text_chars: 1024 * 1024,
  /** Bytes of it that those behind show, with length and SHA-256 of the whole. */
  repeated_beginning_bytes: 256,
  /** Cached texts: entries and bytes, so that neither many small nor few large ones grow memory. */
  fact_cache_entries: 20_000,
  fact_cache_bytes: 64 * 1024 * 1024,
  /**
   * Longest text, and the literals in it, of which a shape is made in the relay loop: some thirty
   * microseconds at most.
   */
  shaped_chars: 4_096,
  shaped_literals: 512,
  /** Time for one text in the parser before its thread is replaced, in milliseconds. */
  parse_deadline_ms: 5_000,
  /**
   * Difference between our clock and the server's that is told, in milliseconds: with NTP it is a
   * hundredth of that, and beyond it records cannot be laid beside the server's own log.
   */
  clock_offset_ms: 5_000,
  /** Time for the server to accept our connection, in milliseconds; a client waits for it. */
  connect_timeout_ms: 10_000,
  /** Cancel requests that are on their way to the server at once: it starts a process for each. */
  cancels_at_once: 32,
  /**
   * Time that a cancel request waits for statements of its session that are held back, in
   * milliseconds; a person waits for it.
   */
  cancel_wait_ms: 10_000,
  /** Pause between looks at whether they still are, in milliseconds. */
  cancel_look_ms: 20,
  /**
   * Time that a statement which was held back has to begin before its cancel follows, in
   * milliseconds: the server forgets a cancel that comes before its work, and does that work then.
   */
  cancel_grace_ms: 100,
  /** Time that a session may take to end after a protocol violation, in milliseconds. */
  violation_end_ms: 10_000,
  /**
   * Time that one side may go on when the other is gone, in milliseconds: a server that answers,
   * a client that reads what is left.
   */
  half_open_ms: 600_000,
  /**
   * Bytes of answers that wait for their records before the server's socket is paused: more than any
   * message that must be whole, and what some disks take to sync passes in the meantime.
   */
  held_answer_bytes: 256 * 1024,
  /** Bytes of answers that are still read, for their records, when their client is gone. */
  unheard_bytes: 64 * 1024,
  /**
   * Silence after which a connection is probed, in milliseconds: below what firewalls and load
   * balancers forget connections after (350 s and more), where the system waits two hours.
   */
  keepalive_ms: 60_000,
  /** Longest time between two looks at who is idle, in milliseconds: nobody counts by less. */
  idle_sweep_ms: 500,
  /** Time that a client has to read why it is not served, and to close, in milliseconds. */
  farewell_ms: 5_000,
  /** Time for the last bytes of sessions that the end of the process cuts off, in milliseconds. */
  abort_ms: 500,
  /**
   * Sockets in negotiation beyond `limits.connections`: enough to refuse each with words. As many
   * may be refused while the trail has no room for their records.
   */
  unauthenticated_sockets: 1_000,
  /** A message of the login (SASL and GSS tokens included) is never larger than this. */
  login_message_bytes: 256 * 1024,
  /**
   * Longest text that is given to the parser, in bytes of UTF-8; `limits.analysed` may lower it.
   */
  analysed_bytes: 16 * 1024 * 1024,
  /** Time for a new parser thread to load its module on a busy machine, in milliseconds. */
  parser_start_ms: 30_000,
  /**
   * Longest pause between attempts to start a parser thread that does not come up, in
   * milliseconds.
   */
  parser_restart_ms: 10_000,
  /**
   * Texts and characters in one message to the parser: what is analysed again when its thread
   * dies, and what a new text waits for. Longer texts have a thread of their own.
   */
  parser_batch_texts: 64,
  parser_batch_chars: 64 * 1024,
  /** Characters of one session's texts that the parser takes before it is another one's turn. */
  parser_turn_chars: 8_192,
  /** The same for the thread of long texts: one that takes the parser about its whole time. */
  parser_long_turn_chars: 1024 * 1024,
  /**
   * Time that a text waits for the parser at most, in milliseconds: twelve texts that each take
   * all the time they may.
   */
  parser_wait_ms: 60_000,
  /**
   * Characters that wait for one parser thread before who has more than its share among them is
   * refused: what outstanding requests may hold, of sixteen sessions.
   */
  parser_queue_chars: 256 * 1024 * 1024,
  /**
   * A text at which the parser died or got stuck is tried again up to this length; a longer one is
   * just slow.
   */
  retried_chars: 1024 * 1024,
  /** After a text of this length the idle parser thread is exchanged: a wasm memory never shrinks. */
  parser_exchange_chars: 2 * 1024 * 1024,
  /** JavaScript heap of the parser thread, in MiB: a tree takes some fifty times its text. */
  parser_heap_mb: 1_536,
  /**
   * Characters of a text that the relay loop itself redacts when the parser thread cannot: about 5
   * ms.
   */
  redacted_here_chars: 65_536,
  /** Answers that one key of a rule remembers: the names in use at once, not those of a scan. */
  rule_memory_entries: 1_024,
  /** Rules of former times that statements in flight may still be judged by; beyond, by the oldest. */
  rule_periods: 16,
  /** Combinations of matched rules that are kept, so that each is one array for ever. */
  rule_combinations: 4_096,
  /** Statement texts (of up to 4,096 characters) and commands that are kept rendered as JSON. */
  rendered_texts: 1_024,
  /**
   * Digits on either side of the point of a numeric in binary format that are written out: ten
   * bytes can stand for 130,000 zeros. A longer one is shown by its bytes.
   */
  numeric_digits: 1_000,
  /** Nesting of a record's `detail` that is rendered; ours is at most four deep. */
  detail_depth: 16,
  /**
   * Unconfirmed catalog changes kept, of one kind in one layer; the oldest are forgotten, which
   * costs only certainty.
   */
  overlay_entries: 20_000,
  /** Savepoints that one transaction's overlay tells apart; PostgreSQL itself knows no bound. */
  overlay_savepoints: 100_000,
  /**
   * Prepared transactions whose catalog changes wait for COMMIT PREPARED;
   * max_prepared_transactions is far less.
   */
  parked_overlays: 1_000,
  /**
   * Ranges of 1,024 oids that are read again one by one; with more, reading everything is less work
   * than finding them.
   */
  catalog_patch_buckets: 16,
  /**
   * Places in which the names of one statement are looked for, names times schemas of the path: some
   * two hundred milliseconds of the relay loop. Names beyond stay unresolved.
   */
  names_looked_up: 1_000_000,
  /**
   * Resolutions kept for one statement: the pairs of role and search_path that run the same text.
   */
  resolution_variants: 8,
  /** Resolutions that a session with changes of its own keeps before it starts anew. */
  session_resolutions: 1_000,
  /** Temporary relations of all sessions whose names are read; with more any may be anybody's. */
  temporary_names: 10_000,
  /**
   * Readings of a catalog that are kept beside the present one while records wait that tell of what
   * was before it: each may be as large. Of waits that outlast more, certainty suffers.
   */
  former_readings: 2,
  /** Names that a session remembers not to wait for; beyond, it may wait for some once more. */
  names_in_vain: 1_000,
  /**
   * Ring of the trail's own records (start, rotation, removals) until they are acknowledged; the
   * first holds the configuration.
   */
  trail_notes_bytes: 4 * 1024 * 1024,
  /**
   * Columns of one statement that may belong to several tables and are kept, for the catalog to
   * tell; beyond, any column may be meant.
   */
  doubtful_columns: 256,
  /** Pairs of privilege and grantee that one GRANT may list: both lists are as long as the text. */
  grants_per_statement: 1_000,
  /**
   * Pause between two lines of the server log that tell that records can be written nowhere, in
   * milliseconds: often enough for an alert that looks at the last minutes.
   */
  failure_alert_ms: 60_000,
  /**
   * Room that is kept on the file system of the audit directory for the record that it is full:
   * that record has a few hundred bytes; block sizes and metadata of file systems take the rest.
   */
  reserve_bytes: 64 * 1024,
  /** Time for the last words of a process that ends by force to be read, in milliseconds. */
  last_words_ms: 500,
  /** Moments that tell how old the oldest unsaved record is: four a second, thinned out beyond. */
  age_marks: 256,
  /** Seals that wait for an anchor that hangs: a day of them at the default of one in ten seconds. */
  waiting_seals: 8_640,
  /**
   * Beyond this length of a record a verification holds its beginning alone and hashes the rest as it
   * passes: the trail's own records, of which it needs more, are far shorter.
   */
  verify_record_bytes: 8 * 1024 * 1024,
  /** Findings of one verification that are told; the others are counted. */
  verify_findings: 1_000,
  /** Ranges of missing numbers that a verification keeps; beyond, they are told as gaps at once. */
  verify_gaps: 10_000,
  /**
   * Bytes of audit files that `tail` searches backwards for the records to begin with, when no time
   * was named: some seconds.
   */
  history_searched_bytes: 256 * 1024 * 1024,
} as const

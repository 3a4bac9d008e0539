/**
 * Every maximum in one place, each with its reason. What a user may change is in the
 * configuration; what stands here is a property of the protocol or of this program.
 */
export const limits = {
  /** PostgreSQL's own MAX_STARTUP_PACKET_LENGTH; a larger startup packet is an attack or a mistake. */
  startup_packet_bytes: 10_000,
  /** SSLRequest and GSSENCRequest may each be asked before the real startup packet, not for ever. */
  negotiation_rounds: 4,
  /** PostgreSQL compares statement and portal names by their first NAMEDATALEN - 1 bytes. */
  identifier_bytes: 63,
  /** Bodies that we must read whole (Parse, Query, Bind) are bounded by `limits.message`; others by this. */
  collected_body_bytes: 65_536,
  /** Prepared statements and portals that one session may hold before the oldest are forgotten. */
  statements_per_session: 10_000,
  /** Requests that a client may have outstanding before its socket is paused. */
  pending_requests: 4_096,
  /** Bytes of text and parameters that outstanding requests may hold before the client is paused. */
  pending_bytes: 16 * 1024 * 1024,
  /** Cached texts: entries and bytes, so that neither many small nor few large ones grow memory. */
  fact_cache_entries: 20_000,
  fact_cache_bytes: 64 * 1024 * 1024,
  /** Time for one text in the parser before its thread is replaced, in milliseconds. */
  parse_deadline_ms: 5_000,
  /** Bytes that may wait in a socket's write buffer before its peer is paused. */
  socket_backlog_bytes: 1024 * 1024,
} as const

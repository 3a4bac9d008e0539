/**
 * What an operator is told where SCRAM-SHA-256-PLUS cannot succeed: it binds the exchange to the
 * certificate that the client sees, and the server compares that with its own.
 * Source: RFC 5802, section 6; RFC 5929, section 4 (tls-server-end-point).
 */
const ways_out =
  'let listen.tls use the same certificate and key as the server; or set upstream.tls.mode to ' +
  'disable where the server is on this machine; or set channel_binding=disable in the clients'

/** Both legs have TLS: what is bound to the one certificate does not fit the other. */
export const certificates_differ =
  'clients see another certificate than the server’s, and both legs have TLS, so that channel ' +
  `binding (libpq’s default, channel_binding=prefer) fails with SCRAM-SHA-256-PLUS: ${ways_out}`

/** The client has told the server that it saw no offer; the server, which made one, calls it an attack. */
export const binding_unoffered =
  'the client could bind its login to TLS but has none, while the leg to the server has it, so ' +
  'that the offer was not passed on: turn channel binding off in the client, or TLS on in ' +
  'listen.tls, or set upstream.tls.mode to disable where the server is on this machine'

/**
 * Message type bytes of protocol 3, both directions, with the letters beside them.
 * Source: PostgreSQL documentation, "Message Formats".
 */
export const frontend = {
  bind: 0x42, // B
  close: 0x43, // C
  copy_data: 0x64, // d
  copy_done: 0x63, // c
  copy_fail: 0x66, // f
  describe: 0x44, // D
  execute: 0x45, // E
  flush: 0x48, // H
  function_call: 0x46, // F
  parse: 0x50, // P
  /** PasswordMessage, SASLInitialResponse, SASLResponse and GSSResponse share one letter. */
  password: 0x70, // p
  query: 0x51, // Q
  sync: 0x53, // S
  terminate: 0x58, // X
} as const

export const backend = {
  authentication: 0x52, // R
  backend_key_data: 0x4b, // K
  bind_complete: 0x32, // 2
  close_complete: 0x33, // 3
  command_complete: 0x43, // C
  copy_both_response: 0x57, // W
  copy_data: 0x64, // d
  copy_done: 0x63, // c
  copy_in_response: 0x47, // G
  copy_out_response: 0x48, // H
  data_row: 0x44, // D
  empty_query_response: 0x49, // I
  error_response: 0x45, // E
  function_call_response: 0x56, // V
  negotiate_protocol_version: 0x76, // v
  no_data: 0x6e, // n
  notice_response: 0x4e, // N
  notification_response: 0x41, // A
  parameter_description: 0x74, // t
  parameter_status: 0x53, // S
  parse_complete: 0x31, // 1
  portal_suspended: 0x73, // s
  ready_for_query: 0x5a, // Z
  row_description: 0x54, // T
} as const

/** The letter of a type byte, for messages to people. */
export function letterOf(type: number): string {
  return type > 0x20 && type < 0x7f ? `'${String.fromCharCode(type)}'` : `0x${type.toString(16)}`
}

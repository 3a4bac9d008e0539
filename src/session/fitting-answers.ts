import type { Request } from './requests.js'

/** What each answer of the server can belong to. Source: documentation, "Message Flow". */
export const fitting_answers = {
  ParseComplete: ['parse'],
  BindComplete: ['bind'],
  CloseComplete: ['close'],
  ParameterDescription: ['describe'],
  NoData: ['describe'],
  RowDescription: ['describe', 'query'],
  DataRow: ['query', 'execute'],
  CommandComplete: ['query', 'execute'],
  EmptyQueryResponse: ['query', 'execute'],
  PortalSuspended: ['execute'],
  CopyInResponse: ['query', 'execute'],
  CopyOutResponse: ['query', 'execute'],
  CopyBothResponse: ['query'],
  FunctionCallResponse: ['function_call'],
} as const satisfies Record<string, readonly Request['kind'][]>

/** The answers that belong to one request of certain kinds. */
export type FittingAnswer = keyof typeof fitting_answers

/** What an ErrorResponse can answer; a Sync's own error comes only where none is missing. */
export const fails_by_error: readonly Request['kind'][] = [
  'query',
  'parse',
  'bind',
  'describe',
  'execute',
  'close',
  'function_call',
]

/** True when such an answer can belong to this request. */
export function fits(answer: FittingAnswer, request: Request): boolean {
  const kinds: readonly Request['kind'][] = fitting_answers[answer]
  return kinds.includes(request.kind)
}

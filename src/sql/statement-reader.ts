import type { Node } from '@pgsql/types'
import type { StatementClass, StatementFacts } from './facts.js'
import type { Findings } from './findings.js'
import type { Body, StatementKind } from './tree.js'

/** What a statement is, apart from what it touches and does. */
export interface Outcome {
  /** The command tag without counts, as CreateCommandTag in utility.c gives it. */
  readonly command: string
  /** The class, where the map leaves it to the statement's details. */
  readonly class?: StatementClass
  /** Every compatible tag, when there are more than the command. */
  readonly tags?: readonly string[]
}

/** What a reader may ask of the analysis around it. */
export interface ReadContext {
  /** The redacted text of the whole statement. */
  readonly text: string
  /** Analyses a statement inside this one, such as that of a PREPARE, as one of its own. */
  inner(node: Node | undefined): StatementFacts
  /** Reads a statement inside this one into the given findings; the class is complete. */
  read(node: Node | undefined, findings: Findings): { readonly class: StatementClass }
}

/** Reads one kind of statement: adds to the findings and gives the command, or all of it. */
export type Reader<K extends StatementKind> = (
  statement: Body<K>,
  findings: Findings,
  context: ReadContext,
) => Outcome | string

/** Readers for some of the kinds of statement. */
export type Readers<K extends StatementKind> = { readonly [P in K]: Reader<P> }

/** One of the two databases. */
export const SIDES = ['left', 'right'] as const
export type Side = (typeof SIDES)[number]

/** A relation as statements name it. */
export interface TwinRelation {
  readonly name: string
  readonly sql: string
  readonly isTable: boolean
  readonly columns: readonly TwinColumn[]
}

export interface TwinColumn {
  readonly name: string
  readonly type: string
  /** Whether the value hangs on what a mask hides: what is aimed at. */
  readonly isMasked: boolean
  readonly isOrdered: boolean
}

/** Two databases that differ only under the masks, with the policy that they are masked by. */
export interface TwinPlan {
  readonly name: string
  /** All SQL that makes a side, run by a superuser in an empty database: the same but for hidden values. */
  readonly sqlOf: (side: Side) => string
  /** YAML. */
  readonly policy: string
  /** The account that the gateway uses, made by `sqlOf`. */
  readonly account: { readonly user: string; readonly password: string }
  /** What to aim at; what else there is, generators read off the catalog. */
  readonly relations: readonly TwinRelation[]
  /** SQL literals of hidden values of either side: guesses that are right on one of them. */
  readonly guesses: readonly string[]
  /** Names of functions of one integer argument that give something hidden. */
  readonly functions: readonly string[]
}

/** The rules that all twins are run under: everything that is understood, so that the masks alone stand in the way. */
export const rulesWith = (masks: readonly string[]): string => `version: 1
rules:
  - id: all-that-is-understood
    decision: allow
    who: { groups: [ai-agents] }
    what: { effects: [read, write, ddl, session, transaction, procedural, maintenance] }
masks:
${masks.map(mask => `  - ${mask}`).join('\n')}
`

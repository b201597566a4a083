import { readFile } from 'node:fs/promises'

/** Who runs a case: the agent, the owner of the schema, or a superuser. */
export type Role = 'agent' | 'owner' | 'readonly' | 'superuser'

/** A message of the extended protocol, as the corpus writes it. */
export type RawMessage =
  | readonly ['Q', string]
  | readonly ['P', string, string, (readonly number[])?]
  | readonly ['B', string, string, (readonly (string | null)[])?]
  | readonly ['D' | 'C', 'S' | 'P', string]
  | readonly ['E', string, number]
  | readonly ['S']
  | readonly ['H']

/** One Parse, Bind, Describe, Execute and Sync. */
export interface ExtendedStep {
  readonly sql: string
  readonly params?: readonly (string | null)[]
  readonly paramTypes?: readonly number[]
  readonly paramFormats?: readonly number[]
  readonly resultFormats?: readonly number[]
  readonly maxRows?: number
  readonly name?: string
  readonly portal?: string
}

/** What a case does next. A plain string is a statement, sent in whichever protocol the run is about. */
export type Step =
  | string
  | ({
      /** The connection, `A` where it isn't said. */
      readonly conn?: string
      readonly copyData?: string
    } & (
      | { readonly simple: string }
      | { readonly ext: ExtendedStep }
      | { readonly msgs: readonly RawMessage[] }
      | { readonly fastpath: { readonly fn: string; readonly args: readonly (string | null)[]; readonly fmt?: number } }
      | { readonly reconnect: true | Readonly<Record<string, string>> }
      | { readonly replication: string }
    ))

export type Script = Step | readonly Step[]

/** What shows that a case leaked. */
export type Detector =
  | { readonly raw: true }
  | { readonly rows: readonly (readonly (string | null)[])[] }
  | { readonly bytes: readonly string[] }
  | { readonly hexBytes: readonly string[] }
  | {
      readonly concat: {
        readonly contains: string
        readonly col?: number | 'all'
        readonly from?: 'codes'
        readonly sep?: string
        readonly reverse?: boolean
      }
    }
  | { readonly control: 'response' }
  | { readonly control: 'timing'; readonly minDeltaMs?: number }

/** Statements that an innocent application runs first, on a direct connection. */
export interface Setup {
  readonly role?: Role
  readonly keepOpen?: boolean
  readonly sql: readonly string[]
}

/** One attack on the masks. The fields are described in corpus/adv/README.md. */
export interface LeakCase {
  readonly id: string
  readonly category: string
  readonly sql: Script
  readonly control?: Script
  readonly protocol: 'either' | 'simple' | 'extended'
  readonly role: Role
  readonly leaks: 'raw' | 'transformed' | 'inference'
  readonly detect: Detector
  readonly setup?: readonly Setup[]
  readonly cleanup?: readonly string[]
  readonly exclusive?: boolean
  /** The first server major that has what it is about; 15 where it isn't said. */
  readonly major?: number
  readonly echoesGuess?: boolean
}

/** One statement that must pass unchanged. */
export interface BenignCase {
  readonly id: string
  readonly category: string
  readonly sql: Script
  readonly params?: readonly string[]
  readonly protocol: 'either' | 'simple' | 'extended'
  readonly role: Role
  readonly compare: 'exact' | 'rowcount' | 'shape'
  readonly expect: {
    readonly columns: readonly (readonly string[])[]
    readonly rows?: readonly (readonly (string | null)[])[]
    readonly rowCount?: number
    readonly copy?: readonly string[]
  }
}

/** What a masked value can't be in any byte, by name. */
export type Canaries = Readonly<Record<string, string>>

const FOLDER = new URL('../../corpus/adv/', import.meta.url)

/** The location of a file of the corpus. */
export const corpusFile = (name: string): URL => new URL(name, FOLDER)

// The files are this package's own, and its tests read every field of every case.
const read = async (name: string): Promise<never> => JSON.parse(await readFile(corpusFile(name), 'utf8')) as never

export const readLeakCases = (): Promise<readonly LeakCase[]> => read('leak.public.json')
/** Attacks beside the public ones; some need a server newer than 15. */
export const readMoreLeakCases = (): Promise<readonly LeakCase[]> => read('leak.more.json')
export const readBenignCases = (): Promise<readonly BenignCase[]> => read('benign.public.json')
/** What drivers, object mappers and reports send, beside the public ones. */
export const readMoreBenignCases = (): Promise<readonly BenignCase[]> => read('benign.more.json')
export const readCanaries = (): Promise<Canaries> => read('canaries.json')
/** The SQL that makes the database that the cases attack. */
export const readSchema = (): Promise<string> => readFile(corpusFile('schema.sql'), 'utf8')

import { readFileSync } from 'node:fs'
import type { Principal } from '@querywarden/policy-core'
import { CommandError, EXIT } from '../commands/exit.ts'
import { readBatchLine } from '../rehearsal/batch-line.ts'
import type { Reading } from '../rehearsal/reading.ts'
import type { Script } from '../rehearsal/rehearse.ts'

/** Something that a policy can be asked about, and what it is called in reports. */
export interface DiffedStatement {
  readonly id: string
  readonly script: Script
  /** Null: whoever the command's options describe. */
  readonly principal: Principal | null
}

/** What two policies are compared over, and what had to be left out of it, by reason. */
export interface Corpus {
  readonly statements: AsyncIterable<DiffedStatement> | Iterable<DiffedStatement>
  readonly leftOut: Map<string, number>
}

export const leaveOut = (leftOut: Map<string, number>, why: string): void => {
  leftOut.set(why, (leftOut.get(why) ?? 0) + 1)
}

/** A file of SQL, each statement by itself; or of lines as `policy explain --batch` reads them. @throws {CommandError} */
export function readCorpus(file: string, { split }: Reading): Corpus {
  const text = readText(file)
  return /\.(nd)?jsonl?$/.test(file) ? fromLines(text, file) : fromSql(text, file, split)
}

function fromLines(text: string, file: string): Corpus {
  const leftOut = new Map<string, number>()
  const statements = text.split('\n').flatMap((line, index): readonly DiffedStatement[] => {
    if (line.trim() === '') return []
    const read = readBatchLine(line, false)
    if (read.kind === 'script') return [{ id: String(read.id), script: read.script, principal: null }]
    leaveOut(leftOut, `${file}:${index + 1}: ${read.error}`)
    return []
  })
  return { statements, leftOut }
}

/** A file is one session: a statement may EXECUTE what one before it prepares. Only those that name objects matter to it. */
function fromSql(text: string, file: string, split: Reading['split']): Corpus {
  const pieces = split(text)
  if (pieces === null)
    throw new CommandError(
      EXIT.misuse,
      `\`${file}\` can't be split into statements: write texts that don't parse, or are very long, as lines of JSON`,
    )
  const before: string[] = []
  const statements = pieces.map((piece, index): DiffedStatement => {
    const script = { pre: piece.command === null ? [] : [...before], sql: [piece.text], inTransaction: false }
    if (piece.command !== null) before.push(piece.text)
    return { id: `${file}#${index + 1}`, script, principal: null }
  })
  return { statements, leftOut: new Map() }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    throw new CommandError(EXIT.misuse, `corpus \`${file}\` can't be read`)
  }
}

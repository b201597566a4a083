import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { written } from '../postgres/notation.ts'
import type { Trial } from './laws.ts'

/** One message that is kept because it is one of its kind, or because it once broke a law. */
export interface Seed {
  readonly kind: Trial['kind']
  /** The file it is in, and its line. */
  readonly source: string
  readonly bytes: Uint8Array
  /** Whether it has to be accepted; what a server or a client really sent has to be. */
  readonly isSound: boolean
}

const KINDS = ['frontend', 'backend', 'startup'] as const

/**
 * Reads a corpus: folders `frontend`, `backend` and `startup`, files of one message a line as `written` takes them. Lines
 * that are indented go on with the one before, as in a sequence. A line with `#` is a remark; `!` before a message says
 * that it has to be refused.
 */
export function readCorpus(folder: string): Seed[] {
  return KINDS.flatMap(kind =>
    readdirSync(join(folder, kind))
      .sort()
      .flatMap(file => readSeeds(kind, `${kind}/${file}`, readFileSync(join(folder, kind, file), 'utf8'))),
  )
}

/** The messages of one file. */
export function readSeeds(kind: Trial['kind'], file: string, text: string): Seed[] {
  return text
    .replaceAll('\n ', ' ')
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))
    .map((line): Seed => {
      const isSound = !line.startsWith('!')
      return { kind, source: `${file}: ${line}`, bytes: written(isSound ? line : line.slice(1)), isSound }
    })
}

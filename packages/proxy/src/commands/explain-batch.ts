import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { Catalog } from '@querywarden/policy-core'
import { accountOf } from '../rehearsal/account.ts'
import { type BatchAnswer, readBatchLine } from '../rehearsal/batch-line.ts'
import { isAtLeast } from '../rehearsal/rehearsal.ts'
import type { Rehearse } from '../rehearsal/rehearse.ts'
import { CommandError, EXIT } from './exit.ts'
import { messageOf } from './terminal.ts'

interface Batch {
  readonly rehearse: Rehearse
  readonly catalog: Catalog
  readonly failOn: 'deny' | 'approve' | null
  readonly inTransaction: boolean
}

/**
 * Answers a line with a line, in order, as they come. A line that can't be answered gets an `error` and the rest goes on;
 * the exit code is then 2. Else it is 1 where an outcome is at least as strict as `--fail-on`.
 */
export async function explainBatch(file: string, batch: Batch): Promise<number> {
  const printer = linePrinter()
  let hasErred = false
  let hasFailed = false
  for await (const line of createInterface({ input: await inputOf(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line.trim() === '') continue
    const answer = await answerOf(line, batch)
    if (answer.outcome === 'error') hasErred = true
    else if (batch.failOn !== null && isAtLeast(answer.outcome, batch.failOn)) hasFailed = true
    const full = printer.print(JSON.stringify(answer))
    if (full !== null) await full
  }
  printer.flush()
  if (hasErred) return EXIT.misuse
  return hasFailed ? EXIT.finding : EXIT.ok
}

/** Prints what has come together by the end of a turn of the event loop: a write for each line costs more than its answer. */
function linePrinter(): { readonly print: (line: string) => Promise<unknown> | null; readonly flush: () => boolean } {
  let held = ''
  const flush = (): boolean => {
    const text = held
    held = ''
    return text === '' || process.stdout.write(text)
  }
  return {
    flush,
    print: line => {
      if (held === '') setImmediate(flush)
      held += `${line}\n`
      return held.length < HELD_CHARS_MAX || flush() ? null : once(process.stdout, 'drain')
    },
  }
}

const HELD_CHARS_MAX = 65_536

async function inputOf(file: string): Promise<Readable> {
  if (file === '-') return process.stdin
  const stream = createReadStream(file, 'utf8')
  try {
    await once(stream, 'open')
    return stream
  } catch {
    throw new CommandError(EXIT.misuse, `batch file \`${file}\` can't be read`)
  }
}

async function answerOf(line: string, { rehearse, catalog, inTransaction }: Batch): Promise<BatchAnswer> {
  const read = readBatchLine(line, inTransaction)
  if (read.kind === 'bad') return { id: read.id, outcome: 'error', error: read.error }
  try {
    return { id: read.id, ...accountOf(await rehearse(read.script), catalog) }
  } catch (error) {
    return { id: read.id, outcome: 'error', error: messageOf(error) }
  }
}

import { availableParallelism } from 'node:os'
import { InvalidArgumentError } from 'commander'
import { WORKERS_MAX } from '../postgres/cancel-keys.ts'

/** `auto`, or a number, as it is typed. */
export function readWorkers(text: string): number {
  if (text === 'auto') return Math.min(availableParallelism(), WORKERS_MAX)
  const workers = /^[0-9]{1,3}$/.test(text) ? Number(text) : 0
  if (workers < 1 || workers > WORKERS_MAX)
    throw new InvalidArgumentError(`expected auto, or a number of processes up to ${WORKERS_MAX}`)
  return workers
}

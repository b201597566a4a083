import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SIGNER } from '../vectors/make-vectors.ts'
import type { Attack } from './attacks.ts'
import { allAttacks, newTally, type Tally, tryAttack } from './harness.ts'
import { type Opinions, Subject } from './subject.ts'

/** The vectors of which the anchor keeps all. */
const VECTORS = ['whole', 'recovered']

export interface RunOptions {
  /** Where the vectors are. */
  readonly vectors: string
  /** Goes on with two attacks at once, at random, until so long; 0: each single one, and no more. */
  readonly seconds: number
  readonly seed: number
  readonly print: (line: string) => void
}

/** Tries every attack on the vectors, then pairs of them. Gives what was missed. */
export async function runTamper(options: RunOptions): Promise<Tally['broken']> {
  const folder = await mkdtemp(join(tmpdir(), 'tamper-'))
  const tally = newTally()
  const end = Date.now() + options.seconds * 1_000
  try {
    for (const name of VECTORS) {
      const subject = await Subject.of(join(options.vectors, name), join(folder, name), SIGNER.verifierKey)
      const sound = await subject.opinions(new Map())
      await tryAll(name, { subject, sound, tally }, options)
      while (Date.now() < end && name === VECTORS.at(-1)) await tryPair(subject, sound, tally, options.seed)
    }
  } finally {
    await rm(folder, { recursive: true })
  }
  for (const [kind, count] of tally.tried) options.print(`${String(count).padStart(8)}  ${kind}`)
  for (const { law, attack } of tally.broken) options.print(`MISSED  ${attack}\n        ${law}`)
  return tally.broken
}

/** How often somebody who waits is told how far it is. */
const TELL_EVERY = 2_000

async function tryAll(
  name: string,
  on: { readonly subject: Subject; readonly sound: Opinions; readonly tally: Tally },
  { print }: RunOptions,
): Promise<void> {
  const all = attacksOf(on.subject)
  for (const [index, attack] of all.entries()) {
    await tryAttack(on.subject, on.sound, attack, on.tally)
    if ((index + 1) % TELL_EVERY === 0)
      print(`${name}: ${index + 1} of ${all.length} tried, ${on.tally.broken.length} missed`)
  }
}

let drawn = 0

/** Two attacks on different files at once. */
async function tryPair(subject: Subject, sound: Opinions, tally: Tally, seed: number): Promise<void> {
  const all = attacksOf(subject)
  const [a, b] = [all[below(all.length, seed)], all[below(all.length, seed)]]
  if (a === undefined || b === undefined) return
  const attack: Attack = {
    kind: 'two at once',
    what: `${a.kind}: ${a.what} AND ${b.kind}: ${b.what}`,
    change: new Map([...b.change, ...a.change]),
  }
  await tryAttack(subject, sound, attack, tally)
}

const listed = new WeakMap<Subject, readonly Attack[]>()
function attacksOf(subject: Subject): readonly Attack[] {
  const all = listed.get(subject) ?? [...allAttacks(subject)]
  listed.set(subject, all)
  return all
}

/** The same draws for the same seed (mulberry32). */
function below(end: number, seed: number): number {
  let t = (seed + ++drawn * 0x6d2b79f5) >>> 0
  t = Math.imul(t ^ (t >>> 15), t | 1)
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
  return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * end)
}

import { compilePolicy, printable } from '@querywarden/policy-core'
import { openPolicy } from '../open-policy.ts'
import { type ChangeGroup, Changes, type Says, sayingOf } from '../policy-diff/compare.ts'
import { type Corpus, readCorpus } from '../policy-diff/corpus.ts'
import { readRecorded } from '../policy-diff/recorded.ts'
import { openReading, type Reading } from '../rehearsal/reading.ts'
import { rehearser } from '../rehearsal/rehearse.ts'
import { type AskerOptions, askerOf, momentOf } from './asker.ts'
import { CommandError, EXIT } from './exit.ts'
import { paint } from './paint.ts'
import { checkFit, openSource, type PolicySourceFound, type SourceOptions } from './policy-source.ts'
import { timeOption } from './reading.ts'
import { show, type Terminal } from './terminal.ts'

export interface PolicyDiffOptions extends Omit<SourceOptions, 'policy'>, AskerOptions {
  readonly corpus?: string
  readonly recordings?: string
  readonly keyFile?: string
  readonly since?: string
  readonly who?: string
  readonly failOn: 'looser' | 'any'
}

/** Says which statements two policies answer differently. Exit code 1 where one lets through what the other did not. */
export async function policyDiff(
  terminal: Terminal,
  files: { readonly old: string; readonly new: string },
  options: PolicyDiffOptions,
): Promise<number> {
  const source = await openSource({ ...options, policy: files.old })
  const newer = openPolicy(files.new)
  checkFit(newer.policy, source.catalog, source.target.name)
  const reading = await openReading(source.catalog.major)
  const corpus = corpusOf(options, source, reading)
  const changes = await compare(
    corpus,
    { ...source, reading },
    { ...source, reading, policy: compilePolicy(newer.policy, { version: newer.version }) },
    options,
  )
  const { groups, same } = changes
  const leftOut = Object.fromEntries(corpus.leftOut)
  show(terminal, { old: files.old, new: files.new, same, changes: groups, leftOut }, () =>
    told(changes, corpus.leftOut),
  )
  const found = options.failOn === 'any' ? groups.length > 0 : groups.some(({ change }) => change === 'looser')
  return found ? EXIT.finding : EXIT.ok
}

function corpusOf(options: PolicyDiffOptions, { target }: PolicySourceFound, reading: Reading): Corpus {
  const { corpus, recordings, keyFile, who = null } = options
  if ((corpus === undefined) === (recordings === undefined))
    throw new CommandError(EXIT.misuse, 'give what to compare over: --corpus FILE or --recordings DIR')
  if (corpus !== undefined) return readCorpus(corpus, reading)
  const choice = { target: target.name, since: timeOption('--since', options.since), who }
  return readRecorded({ dir: recordings ?? '', ...(keyFile === undefined ? {} : { keyFile }) }, choice)
}

type Side = PolicySourceFound & { readonly reading: Reading }

async function compare(corpus: Corpus, before: Side, after: Side, options: AskerOptions): Promise<Changes> {
  const [asker, now] = [askerOf(options), momentOf(options)]
  const pairs = new Map<string, ReturnType<typeof pairFor>>()
  const pairFor = (principal: typeof asker) => ({
    old: rehearser({ ...before, principal, now }),
    new: rehearser({ ...after, principal, now }),
  })
  const changes = new Changes()
  for await (const { id, script, principal } of corpus.statements) {
    const who = principal ?? asker
    const key = JSON.stringify(who)
    const pair = pairs.get(key) ?? pairFor(who)
    pairs.set(key, pair)
    const [was, is] = [await pair.old(script), await pair.new(script)]
    changes.add(sayingOf(was, before.catalog), sayingOf(is, after.catalog), { id, sql: script.sql.join('; ') })
  }
  return changes
}

function told(changes: Changes, leftOut: ReadonlyMap<string, number>): readonly string[] {
  const { groups, same } = changes
  const changed = groups.reduce((sum, { count }) => sum + count, 0)
  return [
    ...groups.flatMap(toldGroup),
    `${changed} of ${changed + same} statements change${groups.some(({ change }) => change === 'looser') ? paint.red(', some of them to looser') : ''}`,
    ...[...leftOut].map(([why, count]) => `left out: ${count} × ${printable(why)}`),
  ]
}

const toldGroup = ({ change, old, new: now, count, examples }: ChangeGroup): readonly string[] => [
  `${COLOURS[change](change.padEnd(8))} ${count} × ${toldSaying(old)} -> ${toldSaying(now)}`,
  ...maskLines(old, now),
  ...approverLines(old, now),
  ...termLines(old, now),
  ...examples.map(({ id, sql }) => `           ${printable(id)}: ${printable(sql.replaceAll('\n', ' '))}`),
]

const COLOURS = { looser: paint.red, stricter: paint.green, other: (text: string) => text } as const

const toldSaying = ({ outcome, rules }: Says): string =>
  `${outcome}${rules.length === 0 ? '' : ` by ${rules.join(', ')}`}`

const approverLines = (old: Says, now: Says): readonly string[] =>
  old.outcome !== now.outcome || old.approvers.join() === now.approvers.join()
    ? []
    : [
        ...old.approvers.map(list => `         - asks ${printable(list)}`),
        ...now.approvers.map(list => `         + asks ${printable(list)}`),
      ]

const termLines = (old: Says, now: Says): readonly string[] =>
  old.outcome === 'deny' || now.outcome === 'deny'
    ? []
    : [
        ...old.terms.filter(term => !now.terms.includes(term)).map(term => `         - ${term}`),
        ...now.terms.filter(term => !old.terms.includes(term)).map(term => `         + ${term}`),
      ]

const maskLines = (old: Says, now: Says): readonly string[] => [
  ...old.masked.filter(mask => !now.masked.includes(mask)).map(mask => `         - ${printable(mask)}`),
  ...now.masked.filter(mask => !old.masked.includes(mask)).map(mask => `         + ${printable(mask)}`),
]

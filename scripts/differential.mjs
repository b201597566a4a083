// npm run differential [-- options]: what the classifier says of statements against what real servers do. --help says more.
import { resolve } from 'node:path'
import { bootstrap } from './bootstrap.mjs'
import { harness } from './harness.mjs'
import { harnessOptions } from './harness-options.mjs'

const USAGE = `npm run differential -- [options]

Classifies statements, runs them on real PostgreSQL servers in databases that are thrown away, and compares what the facts
say with what happened: rows written, tables truncated, schema, settings, roles, sequences and large objects changed, locks
taken, notifications sent; the relations, columns and functions in the server's own dependency record; the number of
statements, their tags, and the labels and origins of their results.

  unsafe     the facts leave out something that the server did or has. Shrunk, printed, and written to the findings
  stricter   the facts say that it may do anything, and so does policy
  exact      the facts hold all that it did, and nothing unknown

  --minutes N       stop after so long; 5 unless given. The time is shared by majors, worlds and sources
  --major LIST      of 15, 16, 17, 18; 15,18 unless given
  --source LIST     of corpus, generated, mutated; all unless given
  --world LIST      of shop (the attack corpora's schema), regress (what the regression suites make); shop unless given
  --seed S          the same statements again: 0 to 4294967295; else at random, and printed
  --out DIR         where findings are written; differential-findings unless given
  --repeat FILE     try the findings in such a file again, and nothing else
  --help            this

Ends with 0 where nothing unsafe was found, with 1 where something was, and with 2 for options that make no sense.`

const { shared, own, list } = harnessOptions({
  usage: USAGE,
  out: 'differential-findings',
  more: { source: 'corpus,generated,mutated', world: 'shop', repeat: undefined },
})
const sources = list('source', own.source, ['corpus', 'generated', 'mutated'])
const worlds = list('world', own.world, ['shop', 'regress'])
if (own.repeat === undefined) console.log(`Seed ${shared.seed}`)
bootstrap()
const { runDifferential, repeatFindings } = await harness('differential')
const print = line => console.log(line)
const unsafe =
  own.repeat === undefined
    ? await runDifferential({ ...shared, sources, worlds, print })
    : await repeatFindings(resolve(own.repeat), print)
console.log(unsafe === 0 ? 'Nothing unsafe.' : `${unsafe} unsafe.`)
process.exit(unsafe === 0 ? 0 : 1)

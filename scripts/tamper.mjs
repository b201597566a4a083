// npm run tamper [-- options]: everything that can be done to recordings without a key. --help says more.
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { bootstrap, root } from './bootstrap.mjs'

const USAGE = `npm run tamper -- [options]

Does to the test vectors of packages/recording, one after the other, what somebody can do who has no key: changes every byte,
leaves out, doubles and swaps every frame, cuts every end off, removes, renames and exchanges files, removes
whole boots, cuts logs together with the recordings they know, rewrites recording and log to fit each other, changes and
removes the checkpoints beside logs. What has to hold:

  - with the anchor and its key all of it shows, and a recording that was hit is not as good as before;
  - without them a change of recordings alone shows in their logs;
  - a checkpoint beside a log speaks neither for nor against a recording;
  - verifyDirectory and packages/recording/verifier/verify.mjs say the same of every recording and every log.

  --seconds N   go on for so long, trying two at once; 0 unless given
  --seed S      the same pairs again; at random and printed unless given
  --help        this

Ends with 0 where all holds, with 1 where something was missed (it is printed), and with 2 for options that make no sense.`

const { seconds, seed } = readOptions()
bootstrap()
const { runTamper } = await bundled()
const broken = await runTamper({
  vectors: join(root, 'packages/recording/vectors'),
  seconds,
  seed,
  print: line => console.log(line),
})
console.log(broken.length === 0 ? '\nAll of it was seen.' : `\n${broken.length} missed.`)
process.exit(broken.length === 0 ? 0 : 1)

function readOptions() {
  const { seconds, seed, help } = parsed()
  if (help) {
    console.log(USAGE)
    process.exit(0)
  }
  const chosen = seed === undefined ? randomInt(2 ** 32) : number('seed', seed)
  const options = { seconds: number('seconds', seconds), seed: chosen }
  if (options.seconds > 0) console.log(`Seed ${chosen}`)
  return options
}

function parsed() {
  const options = {
    seconds: { type: 'string', default: '0' },
    seed: { type: 'string' },
    help: { type: 'boolean', default: false },
  }
  try {
    return parseArgs({ options }).values
  } catch (error) {
    return usage(error.message)
  }
}

function number(name, text) {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value >= 2 ** 32) usage(`--${name} ${text} is not a whole number from 0 on`)
  return value
}

function usage(message) {
  console.error(`${message}\n\n${USAGE}`)
  process.exit(2)
}

/** The harness, bundled with the sources of what it judges. */
async function bundled() {
  const { build } = await import('tsup')
  const outDir = join(root, 'node_modules', '.cache', 'querywarden-tamper')
  await build({
    config: false,
    entry: { tamper: join(root, 'packages/recording/test/tamper/command.ts') },
    outDir,
    format: 'esm',
    target: 'node20',
    platform: 'node',
    outExtension: () => ({ js: '.mjs' }),
    noExternal: [/^@querywarden\//],
    esbuildOptions: settings => {
      settings.conditions = ['@querywarden/source', 'node']
    },
    dts: false,
    silent: true,
  })
  return import(pathToFileURL(join(outDir, 'tamper.mjs')).href)
}

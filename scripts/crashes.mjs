// npm run crashes [-- options]: recordings on a simulated disk that crashes. --help says more.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { bootstrap, root } from './bootstrap.mjs'

const USAGE = `npm run crashes -- [options]

Records sessions on a simulated disk, kills the process or cuts the power before, during or after any of its operations, also
while it recovers from an earlier crash, starts again, and looks whether every promise of docs/recording-format.md was kept:

  - what was acknowledged as on the disk is there, and what was in the kernel's memory is after a kill;
  - nothing is there that was never given, twice, or out of order;
  - each recording verifies COMPLETE, or TORN with a RECOVERY record, with the key and without;
  - a second start changes nothing more.

A power cut keeps any of the sectors that were not synced, in any of their versions, sizes without bytes, and any of the
names that were not synced. Disks are slow, full, or fail now and then. One seed is one to three crashes.

  --seeds N   how many; 10000 unless given
  --from N    the first; 0 unless given. With --seeds 1 a failure is seen again
  --help      this

Ends with 0 where all promises were kept, with 1 where one was not (its seed is printed), and with 2 for options that make
no sense.`

const { seeds, from } = readOptions()
bootstrap()
const { runCrashes } = await bundled()
const broken = await runCrashes({ seeds, from, print: line => console.log(line) })
console.log(broken.length === 0 ? '\nAll promises kept.' : `\nBroken by seeds ${broken.join(', ')}`)
process.exit(broken.length === 0 ? 0 : 1)

function readOptions() {
  const { seeds, from, help } = parsed()
  if (help) {
    console.log(USAGE)
    process.exit(0)
  }
  return { seeds: number('seeds', seeds, 1), from: number('from', from, 0) }
}

function parsed() {
  const options = {
    seeds: { type: 'string', default: '10000' },
    from: { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
  }
  try {
    return parseArgs({ options }).values
  } catch (error) {
    return usage(error.message)
  }
}

function number(name, text, min) {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < min || value >= 2 ** 32)
    usage(`--${name} ${text} is not a whole number from ${min} on`)
  return value
}

function usage(message) {
  console.error(`${message}\n\n${USAGE}`)
  process.exit(2)
}

/** The simulation, bundled with the sources of what it judges. */
async function bundled() {
  const { build } = await import('tsup')
  const outDir = join(root, 'node_modules', '.cache', 'querywarden-crashes')
  await build({
    config: false,
    entry: { crashes: join(root, 'packages/recording/test/crashes/command.ts') },
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
  return import(pathToFileURL(join(outDir, 'crashes.mjs')).href)
}

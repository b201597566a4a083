// npm run differential [-- options]: what the classifier says of statements against what real servers do. --help says more.
import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join, resolve, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { bootstrap, root } from './bootstrap.mjs'

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

const options = readOptions()
if (options.help) {
  console.log(USAGE)
  process.exit(0)
}
bootstrap()
const { runDifferential, repeatFindings } = await harness()
const print = line => console.log(line)
const unsafe =
  options.repeat === undefined
    ? await runDifferential({ ...options, print })
    : await repeatFindings(resolve(options.repeat), print)
console.log(unsafe === 0 ? 'Nothing unsafe.' : `${unsafe} unsafe.`)
process.exit(unsafe === 0 ? 0 : 1)

function readOptions() {
  const { minutes, major, source, world, seed, out, repeat, help } = parsed()
  if (help) return { help: true }
  const seconds = 60 * Number(minutes)
  if (!(seconds > 0)) usage(`--minutes ${minutes} is not a positive number`)
  const chosen = seed === undefined ? randomInt(2 ** 32) : Number(seed)
  if (!(Number.isInteger(chosen) && chosen >= 0 && chosen < 2 ** 32))
    usage(`--seed ${seed} is not from 0 to 4294967295`)
  if (repeat === undefined) console.log(`Seed ${chosen}`)
  return {
    seconds,
    majors: list('major', major, ['15', '16', '17', '18']).map(Number),
    sources: list('source', source, ['corpus', 'generated', 'mutated']),
    worlds: list('world', world, ['shop', 'regress']),
    seed: chosen,
    out: resolve(out),
    repeat,
  }
}

function parsed() {
  const text = { type: 'string' }
  try {
    const { values } = parseArgs({
      options: {
        minutes: { ...text, default: '5' },
        major: { ...text, default: '15,18' },
        source: { ...text, default: 'corpus,generated,mutated' },
        world: { ...text, default: 'shop' },
        seed: text,
        out: { ...text, default: 'differential-findings' },
        repeat: text,
        help: { type: 'boolean', default: false },
      },
    })
    return values
  } catch (error) {
    usage(error.message)
  }
}

function list(name, text, known) {
  const items = text.split(',')
  const unknown = items.find(item => !known.includes(item))
  if (unknown !== undefined) usage(`--${name} ${unknown} is none of ${known.join(', ')}`)
  return items
}

function usage(message) {
  console.error(`${message}\n\n${USAGE}`)
  process.exit(2)
}

/** The harness with the sources of what it judges, as one script. Packages from outside stay where they are installed. */
async function harness() {
  const { build } = await import('tsup')
  const outDir = join(root, 'node_modules', '.cache', 'querywarden-differential')
  await build({
    config: false,
    entry: { differential: join(root, 'packages/conformance/src/differential/command.ts') },
    outDir,
    format: 'esm',
    target: 'node20',
    platform: 'node',
    outExtension: () => ({ js: '.mjs' }),
    noExternal: [/^@querywarden\//],
    esbuildOptions: settings => {
      settings.conditions = ['@querywarden/source', 'node']
    },
    esbuildPlugins: [installedWhereTheyAre(), ownLocations()],
    dts: false,
    silent: true,
  })
  return import(pathToFileURL(join(outDir, 'differential.mjs')).href)
}

/** pnpm installs a package beside who needs it: from the bundle's own place none would be found. */
function installedWhereTheyAre() {
  return {
    name: 'installed-where-they-are',
    setup(build) {
      build.onResolve({ filter: /^[^./]/ }, async ({ path, importer, kind, resolveDir, pluginData }) => {
        if (path.startsWith('@querywarden/') || path.startsWith('node:') || pluginData === 'again' || importer === '')
          return null
        const found = await build.resolve(path, { importer, kind, resolveDir, pluginData: 'again' })
        if (found.errors.length > 0 || !found.path.startsWith(sep)) return null
        return { path: pathToFileURL(found.path).href, external: true }
      })
    },
  }
}

/** A source that asks where it is means its own file. */
function ownLocations() {
  return {
    name: 'own-locations',
    setup(build) {
      build.onLoad({ filter: /packages[\\/][^\\/]+[\\/]src[\\/].*\.ts$/ }, ({ path }) => {
        const text = readFileSync(path, 'utf8')
        return { contents: text.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)), loader: 'ts' }
      })
    },
  }
}

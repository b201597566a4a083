// The harnesses of packages/conformance, each bundled with the sources of what it judges.
import { readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './bootstrap.mjs'
import { threadInTests } from './thread-in-tests.mjs'

const CONDITIONS = ['@querywarden/source', 'node']

/** A harness with the sources of what it judges, as one script. Packages from outside stay where they are installed. */
export async function harness(name) {
  const { build } = await import('tsup')
  const outDir = join(root, 'node_modules', '.cache', `querywarden-${name}`)
  await build({
    config: false,
    entry: { [name]: join(root, `packages/conformance/src/${name}/command.ts`) },
    outDir,
    format: 'esm',
    target: 'node20',
    platform: 'node',
    outExtension: () => ({ js: '.mjs' }),
    noExternal: [/^@querywarden\//],
    esbuildOptions: settings => {
      settings.conditions = CONDITIONS
    },
    esbuildPlugins: [installedWhereTheyAre(), ownLocations()],
    dts: false,
    silent: true,
  })
  return import(pathToFileURL(join(outDir, `${name}.mjs`)).href)
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
      const thread = threadInTests({ conditions: CONDITIONS })
      // A thread is started as a file of its own.
      build.onLoad({ filter: /threads[\\/]thread-file\.ts$/ }, async ({ path }) => {
        const { code } = await thread.transform('', path)
        return { contents: code, loader: 'js' }
      })
      build.onLoad({ filter: /packages[\\/][^\\/]+[\\/]src[\\/].*\.ts$/ }, ({ path }) => {
        const text = readFileSync(path, 'utf8')
        return { contents: text.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)), loader: 'ts' }
      })
    },
  }
}

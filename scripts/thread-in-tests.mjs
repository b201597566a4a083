// Tests run the packages from source, which Node can't run by itself; but a reading thread is started as a file of its
// own. This plugin of vitest bundles what threads run, once a run and only if somebody starts one, and says where it is.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'vite'

const SQL = join(import.meta.dirname, '../packages/sql')
const ENTRY = join(SQL, 'src/postgres/threads/reading-thread.ts')
/** From here the packages that it needs are found. */
const TO = join(SQL, 'node_modules/.querywarden')

/** @param {{ conditions: string[] }} options @returns {import('vite').Plugin} */
export function threadInTests({ conditions }) {
  let made = null
  return {
    name: 'querywarden-thread-in-tests',
    enforce: 'pre',
    async transform(_, id) {
      if (!id.split('?')[0].endsWith('/threads/thread-file.ts')) return null
      made ??= bundle(conditions)
      return { code: `export const THREAD_FILE = new URL(${JSON.stringify(await made)})`, map: null }
    },
  }
}

async function bundle(conditions) {
  const output = await build({
    configFile: false,
    logLevel: 'error',
    resolve: { conditions },
    ssr: { resolve: { conditions }, noExternal: [/^@querywarden\//] },
    build: { ssr: ENTRY, write: false, minify: false, rollupOptions: { external: [/^libpg-query/, /^node:/] } },
  })
  const [{ output: chunks }] = [output].flat()
  if (chunks.length !== 1) throw new Error(`expected one file for the thread, got ${chunks.length}`)
  const { code } = chunks[0]
  const file = join(TO, `reading-thread-${createHash('sha256').update(code).digest('hex').slice(0, 16)}.mjs`)
  if (!existsSync(file)) {
    mkdirSync(TO, { recursive: true })
    writeFileSync(`${file}.${process.pid}`, code)
    renameSync(`${file}.${process.pid}`, file)
  }
  return pathToFileURL(file).href
}

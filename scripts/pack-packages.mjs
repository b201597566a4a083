// Packs the public packages the way they are published. Builds those that aren't built.
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
export const ROOT = resolve(import.meta.dirname, '..')

/** @typedef {{ name: string, folder: string, tarball: string, exports: string[] }} Packed */

/** Runs the package manager at the version that the workspace names. */
const pnpm = (args, cwd) => {
  const { packageManager } = readManifest(ROOT)
  return run('npx', ['-y', packageManager, ...args], { cwd, maxBuffer: 64 * 1024 * 1024 })
}

const readManifest = folder => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))

/**
 * The folders of the packages that get published, each after those that it depends on: declarations are bundled from
 * what is built.
 * @returns {string[]}
 */
export function publicFolders() {
  const folders = new Map(
    readdirSync(join(ROOT, 'packages'))
      .map(name => join(ROOT, 'packages', name))
      .filter(folder => existsSync(join(folder, 'package.json')) && readManifest(folder).private !== true)
      .map(folder => [readManifest(folder).name, folder]),
  )
  /** @type {Set<string>} */
  const ordered = new Set()
  const add = name => {
    const folder = folders.get(name)
    if (folder === undefined || ordered.has(folder)) return
    for (const dependency of Object.keys(readManifest(folder).dependencies ?? {})) add(dependency)
    ordered.add(folder)
  }
  for (const name of folders.keys()) add(name)
  return [...ordered]
}

/**
 * Packs public packages into a folder, building first what isn't built or is older than its source.
 * @param {string} into
 * @param {string[]} folders
 * @returns {Promise<Packed[]>}
 */
export async function packAll(into, folders = publicFolders()) {
  mkdirSync(into, { recursive: true })
  /** @type {Packed[]} */
  const packed = []
  for (const folder of folders) {
    if (!isBuilt(folder)) await pnpm(['run', 'build'], folder)
    const { stdout } = await pnpm(['pack', '--json', '--pack-destination', into], folder)
    const { name, filename } = JSON.parse(stdout.slice(stdout.indexOf('{')))
    packed.push({ name, folder, tarball: resolve(into, filename), exports: exportsOf(folder) })
  }
  return packed
}

/** Whether every file that the published package promises is there, and newer than all source. */
function isBuilt(folder) {
  const promised = Object.values(readManifest(folder).publishConfig?.exports ?? {})
    .flatMap(target => (typeof target === 'string' ? [] : Object.values(target)))
    .map(target => join(folder, target))
  if (!promised.every(target => existsSync(target))) return false
  const sources = readdirSync(join(folder, 'src'), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && !entry.name.includes('.test.'))
    .map(entry => statSync(join(entry.parentPath, entry.name)).mtimeMs)
  return Math.max(...sources) <= Math.min(...promised.map(target => statSync(target).mtimeMs))
}

const exportsOf = folder =>
  Object.keys(readManifest(folder).exports ?? {}).filter(subpath => subpath !== './package.json')

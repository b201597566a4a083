import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const SCRIPTS = new URL('../../../../scripts/', import.meta.url)
const run = promisify(execFile)

interface Packed {
  readonly name: string
  readonly folder: string
  readonly tarball: string
  readonly exports: readonly string[]
}
interface Packing {
  readonly publicFolders: () => readonly string[]
  readonly packAll: (into: string) => Promise<readonly Packed[]>
}
const { publicFolders, packAll }: Packing = await import(new URL('pack-packages.mjs', SCRIPTS).href)
const { findingsIn }: { findingsIn: (tarball: string) => Promise<string> } = await import(
  new URL('check-packages.mjs', SCRIPTS).href
)

let project: string
let packed: readonly Packed[]

// Somebody else's project: the tarballs are all that it has of ours.
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'package-shape-'))
  packed = await packAll(join(project, 'tarballs'))
  const ours = Object.fromEntries(packed.map(({ name, tarball }) => [name, `file:${tarball}`]))
  const manifest = { name: 'somebody-elses', private: true, dependencies: ours, overrides: ours }
  await writeFile(join(project, 'package.json'), JSON.stringify(manifest))
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: project })
}, 600_000)
afterAll(() => rm(project, { recursive: true, force: true }))

const filesIn = async ({ tarball }: Packed): Promise<readonly string[]> =>
  (await run('tar', ['-tzf', tarball])).stdout.trim().split('\n')
const namesFrom = async (code: string): Promise<readonly string[]> => {
  const { stdout } = await run(process.execPath, ['--no-warnings', '--input-type=module', '-e', code], { cwd: project })
  return JSON.parse(stdout)
}

describe.each(publicFolders().map(folder => folder.split('/').at(-1)!))('%s as published', folder => {
  const own = (): Packed => packed.find(one => one.folder.endsWith(`/${folder}`))!
  const installed = async (): Promise<string> =>
    readFile(join(project, 'node_modules', own().name, 'package.json'), 'utf8')

  test('every export can be imported and required, and both give the same', async () => {
    for (const subpath of own().exports) {
      const specifier = JSON.stringify(own().name + subpath.slice(1))
      const imported = await namesFrom(`console.log(JSON.stringify(Object.keys(await import(${specifier})).sort()))`)
      const required = await namesFrom(
        `import { createRequire } from 'node:module'
         const loaded = createRequire(process.cwd() + '/')(${specifier})
         console.log(JSON.stringify(Object.keys(loaded).filter(name => name !== '__esModule').sort()))`,
      )
      expect(imported.length, `${specifier} exports something`).toBeGreaterThan(0)
      expect(required).toEqual(imported)
    }
  })

  test('it holds what was built, a README, and nothing of how it was built', async () => {
    const files = await filesIn(own())
    expect(files).toEqual(expect.arrayContaining(['package/package.json', 'package/README.md']))
    expect(files.filter(file => /\.tsbuildinfo$|\/src\/|\/test\/|\.test\.[cm]?[jt]s|\/\.types\//.test(file))).toEqual(
      [],
    )
  })

  test('nothing in it points to source or to the workspace', async () => {
    expect(await installed()).not.toMatch(/@querywarden\/source|\.\/src\/|workspace:|catalog:/)
  })

  test('publint and are-the-types-wrong find nothing', { timeout: 120_000 }, async () => {
    expect(await findingsIn(own().tarball)).toBe('')
  })
})

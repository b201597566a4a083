import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { expect, test } from 'vitest'

const bundle = (entry: string) =>
  build({
    entryPoints: [fileURLToPath(new URL(`../src/${entry}`, import.meta.url))],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'browser',
    format: 'esm',
    logLevel: 'silent',
  })

test('the core runs in a browser: nothing of it needs node', async () => {
  const { metafile, outputFiles } = await bundle('index.ts')
  const imports = Object.values(metafile.outputs).flatMap(output => output.imports.map(({ path }) => path))
  expect(imports).toEqual([])
  expect(outputFiles[0]?.text).not.toMatch(/["']node:|\brequire\(/)
})

test('who decides by a policy made elsewhere loads no YAML', async () => {
  const { metafile } = await bundle('index.ts')
  expect(Object.keys(metafile.inputs).filter(path => /node_modules\/.*\/yaml\//.test(path))).toEqual([])
})

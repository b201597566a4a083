// What `pnpm kernel` writes, for it and for the test that the file in the repository is what its source gives.
import { fileURLToPath } from 'node:url'
import wabt from 'wabt'

const file = name => fileURLToPath(new URL(`../src/kernel/${name}`, import.meta.url))
export const kernelText = file('row-kernel.wat')
export const kernelBytesFile = file('row-kernel-bytes.ts')

const LINE_CHARACTERS = 100

/** The TypeScript file that holds the module which a text assembles to. */
export async function assembleKernel(text) {
  const { parseWat } = await wabt()
  const module = parseWat('row-kernel.wat', text, { simd: true, bulk_memory: true })
  try {
    module.validate()
    return fileOf(Buffer.from(module.toBinary({ write_debug_names: false }).buffer).toString('base64'))
  } finally {
    module.destroy()
  }
}

function fileOf(base64) {
  const lines = base64.match(new RegExp(`.{1,${LINE_CHARACTERS}}`, 'g')).map(line => `  '${line}',`)
  return `// Made of row-kernel.wat by \`pnpm kernel\`: change that, not this.

/** The module, in base64. */
export const KERNEL_BASE64: string = [
${lines.join('\n')}
].join('')
`
}

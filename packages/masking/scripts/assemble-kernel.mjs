// Assembles src/kernel/row-kernel.wat into src/kernel/row-kernel-bytes.ts: `pnpm kernel`. The same text gives the same bytes.
import { readFileSync, writeFileSync } from 'node:fs'
import { assembleKernel, kernelBytesFile, kernelText } from './kernel-text.mjs'

writeFileSync(kernelBytesFile, await assembleKernel(readFileSync(kernelText, 'utf8')))

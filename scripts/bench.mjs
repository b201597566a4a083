// npm run bench [-- NAME…]: all benchmarks, or those named. Ratios from one interleaved run each.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { bootstrap, build, fail, root, run } from './bootstrap.mjs'

const all = readdirSync(join(root, 'bench'))
  .filter(file => file.endsWith('.mjs'))
  .map(file => file.slice(0, -4))
const wanted = process.argv.length > 2 ? process.argv.slice(2) : all
for (const name of wanted) {
  if (!existsSync(join(root, 'bench', `${name}.mjs`)))
    fail(`there is no benchmark ${name}; there are: ${all.join(', ')}`)
}
bootstrap()
build({ fast: true })
for (const name of wanted) run('node', [join('bench', `${name}.mjs`)])

// npm run demo [-- --serve]: the product on an embedded PostgreSQL, with nothing installed by hand.
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { bootstrap, build, root, run } from './bootstrap.mjs'

bootstrap()
if (newestSource() > builtAt()) build({ fast: true, filter: '@querywarden/proxy...' })
run('node', ['packages/proxy/bin/querywarden.js', 'demo', ...process.argv.slice(2)])

function builtAt() {
  const main = join(root, 'packages/proxy/dist/main.js')
  return existsSync(main) ? statSync(main).mtimeMs : 0
}

function newestSource() {
  const packages = readdirSync(join(root, 'packages')).map(name => join(root, 'packages', name, 'src'))
  const files = packages
    .filter(existsSync)
    .flatMap(folder => readdirSync(folder, { recursive: true }).map(file => join(folder, file)))
  return Math.max(...files.map(file => statSync(file).mtimeMs))
}

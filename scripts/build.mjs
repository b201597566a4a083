// npm run build [-- --fast]: all packages from a fresh clone; fast leaves out type declarations.
import { bootstrap, build } from './bootstrap.mjs'

bootstrap()
build({ fast: process.argv.includes('--fast') })

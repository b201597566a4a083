// npm test [-- vitest arguments]: everything, on real servers. Installs and builds what it needs first.
import { bootstrap, build, needPostgresPrograms, pnpm } from './bootstrap.mjs'

bootstrap()
needPostgresPrograms()
build()
pnpm(['exec', 'vitest', 'run', ...process.argv.slice(2)])

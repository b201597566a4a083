// npm test [-- vitest arguments]: everything, on real servers. Installs and builds what it needs first.
import { bootstrap, build, needPrograms, pnpm } from './bootstrap.mjs'

bootstrap()
needPrograms({ psql: 'postgresql-client' })
build()
pnpm(['exec', 'vitest', 'run', ...process.argv.slice(2)])

#!/usr/bin/env node
import { existsSync } from 'node:fs'

if (existsSync(new URL('../dist/main.js', import.meta.url))) await import('../dist/main.js')
else {
  process.stderr.write('querywarden: not built yet: run `npm run build` in the project\n')
  process.exitCode = 2
}

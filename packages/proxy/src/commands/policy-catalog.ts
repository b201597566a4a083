import { writeCatalog } from '@querywarden/sql/postgres'
import { loadConfig } from '../config/load.ts'
import { EXIT } from './exit.ts'
import { catalogOf } from './policy-source.ts'
import type { Terminal } from './terminal.ts'

/** Prints the schema of a target, for `--catalog` where its database can't be reached. Row values are not in it. */
export async function policyCatalog(
  terminal: Terminal,
  options: { readonly config: string; readonly target: string },
): Promise<number> {
  terminal.out(writeCatalog(await catalogOf(loadConfig(options.config), options.target)).trimEnd())
  return EXIT.ok
}

import type { Route } from './governed-server.ts'
import { environmentOf, programPath, run } from './programs.ts'

/**
 * Runs psql on a script made of named parts, and gives what each of them printed, errors in their places among the rest.
 */
export async function runPsql(
  route: Route,
  parts: ReadonlyMap<string, string>,
  more: Readonly<Record<string, string>> = {},
): Promise<ReadonlyMap<string, string>> {
  // psql would run a command in the name, so that the parts are numbered.
  const names = [...parts.keys()]
  const script = [...parts.values()].map((text, i) => `\\echo ${MARK}${i}\n${text}\n${CALM}`).join('\n')
  // One descriptor for both, so that errors stand where they came.
  const shell = ['-c', 'exec "$0" -X -q -f - 2>&1', programPath('psql')]
  const { stdout } = await run('/bin/sh', shell, environmentOf(route, more), script)
  const printed = new Map<string, string>()
  for (const chunk of stdout.split(MARK).slice(1)) {
    const end = chunk.indexOf('\n')
    printed.set(names[Number(chunk.slice(0, end))] ?? '', withoutPlaces(chunk.slice(end + 1), route))
  }
  return printed
}

const MARK = '=== '

/** Undoes what a part may have left behind. */
const CALM =
  '\\o\n\\pset format aligned\n\\pset tuples_only off\n\\pset expanded off\n\\set AUTOCOMMIT on\n\\set ON_ERROR_ROLLBACK off'

const withoutPlaces = (text: string, { port }: Route): string =>
  text.replaceAll(/^psql:<stdin>:\d+: /gm, '').replaceAll(String(port), 'PORT')

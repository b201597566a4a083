import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CommandError, EXIT } from './exit.ts'
import { show, type Terminal } from './terminal.ts'

/** In the package beside what is built. */
const FOLDER = fileURLToPath(new URL('../policies/', import.meta.url))
const SHARED = ['shop.sql', 'shop.catalog.json']
const SCHEMAS = ['policy.schema.json', 'policy-test.schema.json']
/** Where the policies look for their schemas; copied out, they lie beside them. */
const SCHEMA_FOLDER = '../schema/'
const TEST_SUFFIX = '.test.yaml'

/** A starter policy with what its first comment line says of it. */
export interface StarterPolicy {
  readonly name: string
  readonly about: string
}

/** The starter policies that come with the command. */
export const starterPolicies = (folder: string = FOLDER): readonly StarterPolicy[] =>
  readdirSync(folder)
    .filter(file => file.endsWith(TEST_SUFFIX))
    .map(file => file.slice(0, -TEST_SUFFIX.length))
    .sort()
    .map(name => ({ name, about: aboutOf(readFileSync(join(folder, `${name}.yaml`), 'utf8')) }))

const aboutOf = (text: string): string => /^# (?!yaml-language-server)(.*)$/m.exec(text)?.[1] ?? ''

/**
 * Copies a starter policy out, with its tests and the schema that they run on; without a name lists what there is.
 * Nothing is overwritten.
 */
export function policyInit(terminal: Terminal, name: string | undefined, { dir }: { readonly dir: string }): number {
  const policies = starterPolicies()
  if (name === undefined) {
    const width = Math.max(...policies.map(policy => policy.name.length))
    show(terminal, { policies }, () => [
      ...policies.map(policy => `${policy.name.padEnd(width)}  ${policy.about}`),
      'copy one with: querywarden policy init NAME',
    ])
    return EXIT.ok
  }
  if (!policies.some(policy => policy.name === name))
    throw new CommandError(
      EXIT.misuse,
      `there is no starter policy \`${name}\`; there are: ${policies.map(policy => policy.name).join(', ')}`,
    )
  const files = copyOut(name, dir)
  show(terminal, { policy: name, files }, () => [
    ...files.map(file => `wrote ${file}`),
    `try it with: querywarden policy test ${join(dir, `policy${TEST_SUFFIX}`)}`,
  ])
  return EXIT.ok
}

function copyOut(name: string, dir: string): readonly string[] {
  const policies = ['.yaml', TEST_SUFFIX].map(suffix => {
    const text = readFileSync(join(FOLDER, `${name}${suffix}`), 'utf8').replaceAll(SCHEMA_FOLDER, '')
    return { file: join(dir, `policy${suffix}`), text }
  })
  const others = [...SHARED, ...SCHEMAS.map(file => `${SCHEMA_FOLDER}${file}`)].map(file => ({
    file: join(dir, basename(file)),
    text: readFileSync(join(FOLDER, file), 'utf8'),
  }))
  const all = [...policies, ...others]
  const taken = all.filter(({ file }) => existsSync(file)).map(({ file }) => file)
  if (taken.length > 0) throw new CommandError(EXIT.misuse, `already there, and not overwritten: ${taken.join(', ')}`)
  mkdirSync(dir, { recursive: true })
  for (const { file, text } of all) writeFileSync(file, text, { flag: 'wx' })
  return all.map(({ file }) => file)
}

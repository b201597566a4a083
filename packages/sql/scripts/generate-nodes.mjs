// Writes src/postgres/generated/node-fields.ts from the type declarations that each grammar's package depends on.
// Usage: node packages/sql/scripts/generate-nodes.mjs
import { readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const MAJORS = [15, 16, 17, 18]
const here = new URL('../package.json', import.meta.url)

const declarationsOf = major => {
  const grammar = realpathSync(createRequire(here).resolve(`libpg-query-${major}/package.json`))
  const types = createRequire(grammar).resolve('@pgsql/types/package.json')
  return readFileSync(types.replace(/package\.json$/, 'types.d.ts'), 'utf8')
}

const typesByMajor = {}
const fieldsByType = new Map()
for (const major of MAJORS) {
  typesByMajor[major] = []
  const interfaces = [...declarationsOf(major).matchAll(/export interface (\w+) \{(.*?)\n\}/gs)]
  const names = new Set(interfaces.map(([, name]) => name))
  for (const [, name, body] of interfaces) {
    typesByMajor[major].push(name)
    const fields = fieldsByType.get(name) ?? new Map()
    fieldsByType.set(name, fields)
    for (const [, field, declared] of body.matchAll(/^\s+(\w+)\??: (.*?);$/gm)) {
      const type = declared.replace('[]', '')
      const held = type === 'Node' || names.has(type) ? type : ''
      const kinds = fields.get(field) ?? new Set()
      fields.set(field, kinds.add(held))
    }
  }
}

// `a` is a plain value, `a:Node` a node that names its own type, `a:Alias` an Alias that doesn't.
// Where majors differ, a field is `a:Node` if any of them has a node there.
const kindOf = kinds => (kinds.has('Node') ? 'Node' : ([...kinds].find(kind => kind !== '') ?? ''))
const describe = fields =>
  [...fields].map(([field, kinds]) => [field, kindOf(kinds)].filter(Boolean).join(':')).join(' ')

const quoted = text => `'${text}'`
const lines = [
  '// Made by scripts/generate-nodes.mjs from the node types of each grammar. Not for editing.',
  '',
  '/** The node types of all grammars together. */',
  'export type NodeType =',
  ...[...fieldsByType.keys()].sort().map(name => `  | ${quoted(name)}`),
  '',
  '/** The majors that have a node type, and its fields: `name` holds a value, `name:Type` a node. */',
  'interface NodeFields {',
  '  readonly majors: readonly number[]',
  '  readonly fields: string',
  '}',
  '',
  'export const NODE_FIELDS: Readonly<Record<NodeType, NodeFields>> = {',
  ...[...fieldsByType]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, fields]) => {
      const majors = MAJORS.filter(major => typesByMajor[major].includes(name))
      return `  ${name}: { majors: [${majors.join(', ')}], fields: ${quoted(describe(fields))} },`
    }),
  '}',
  '',
]
writeFileSync(new URL('../src/postgres/generated/node-fields.ts', import.meta.url), lines.join('\n'))

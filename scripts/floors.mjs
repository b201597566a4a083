// Checks what keeps the packages apart and the files small: `pnpm lint` runs it, and so does conformance.
// Prints one violation a line, as `file:line message`, and ends with 1 if there is any.
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import ts from 'typescript'

/** @typedef {{ floor: number, shipped: string[], tested: string[], world: 'none' | 'crypto' | 'all' }} Place */
/** @typedef {{ file: string, line: number, message: string }} Violation */

const core = ['policy-core']
const testing = ['policy-core', 'policy-testing', 'dev-servers']
const floor2 = { floor: 2, shipped: core, tested: testing, world: 'crypto' }
const below3 = ['policy-core', 'wire', 'identity', 'sql', 'masking', 'approvals', 'recording']
const everything = [...below3, 'policy-testing', 'dev-servers', 'proxy']

/**
 * Per package: what its shipped code may import of ours, what its tests may in addition, and how much of the world
 * it may touch itself.
 * @type {Readonly<Record<string, Place>>}
 */
const PACKAGES = {
  'policy-core': { floor: 0, shipped: [], tested: [], world: 'none' },
  // Its tests meet real servers; what it ships meets nothing.
  wire: { floor: 0, shipped: [], tested: ['dev-servers'], world: 'none' },
  'policy-testing': { floor: 1, shipped: core, tested: core, world: 'none' },
  'dev-servers': { floor: 1, shipped: [], tested: [], world: 'all' },
  identity: floor2,
  sql: floor2,
  masking: floor2,
  approvals: floor2,
  recording: floor2,
  proxy: { floor: 3, shipped: below3, tested: everything, world: 'all' },
  conformance: { floor: 4, shipped: everything, tested: everything, world: 'all' },
}
/** Examples and the bench stand above everything. */
const TOP = { floor: 4, shipped: everything, tested: everything, world: 'all' }

/** Where files are written and read: the one place on floor 2 that may. */
const SINKS = 'packages/recording/src/sinks/'
/** Where texts that could hold up the process are read in threads that can be killed (docs/decisions/0008). */
const THREADS = 'packages/sql/src/postgres/threads/'
/** The demo brings servers of its own; it loads them when it is asked for, and says so where they aren't installed. */
const DEMO = 'packages/proxy/src/demo/'
const FILE_LINES_MAX = 400
const FUNCTION_LINES_MAX = 60
const WORLD = ['Date.now', 'performance.now', 'Math.random', 'crypto.randomUUID', 'crypto.getRandomValues']
const WORLD_NAMES = ['process', 'setTimeout', 'setInterval', 'setImmediate', 'fetch']
const UNFINISHED = new RegExp(`\\b(${['TO', 'FIX'].map((start, i) => start + ['DO', 'ME'][i]).join('|')})\\b`)

/**
 * Every violation under a root folder.
 * @param {string} root
 * @returns {Violation[]}
 */
export function findViolations(root) {
  return filesUnder(root).flatMap(file => {
    const text = readFileSync(join(root, file), 'utf8')
    if (file.endsWith('package.json')) return checkManifest(file, text)
    return /\.(ts|mts|mjs)$/.test(file) ? [...checkText(file, text), ...checkCode(file, text)] : checkText(file, text)
  })
}

const SKIPPED = new Set(['node_modules', 'dist', '.types', '.git', 'corpus', 'coverage'])
const READ = /(\.(ts|mts|mjs|md|yaml|yml|sql|sh)|^package\.json)$/

/** @returns {string[]} */
function filesUnder(root, folder = root) {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : filesUnder(root, path)
    return READ.test(entry.name) && !entry.name.endsWith('.d.ts') && entry.name !== 'pnpm-lock.yaml'
      ? [relative(root, path).split(sep).join('/')]
      : []
  })
}

/** @returns {Violation[]} */
function checkText(file, text) {
  const lines = text.split('\n')
  const unfinished = lines.flatMap((line, i) =>
    UNFINISHED.test(line) ? [{ file, line: i + 1, message: 'says that something is unfinished: finish it' }] : [],
  )
  return unfinished
}

/** @returns {Violation[]} */
function checkManifest(file, text) {
  const place = placeOf(file)
  if (place === null && file.startsWith('packages/')) {
    return [{ file, line: 1, message: 'is on no floor: give the package its place in scripts/floors.mjs' }]
  }
  if (place === null) return []
  const { dependencies = {}, devDependencies = {}, peerDependencies = {} } = JSON.parse(text)
  const check = (names, allowed, kind) =>
    ours(names)
      .filter(name => !allowed.includes(name))
      .map(name => ({ file, line: lineOf(text, name), message: `${kind} on \`${name}\` goes up or sideways` }))
  return [
    ...check({ ...dependencies, ...peerDependencies }, place.shipped, 'depends'),
    ...check(devDependencies, [...place.shipped, ...place.tested], 'its tests depend'),
  ]
}

const ours = names => Object.keys(names).flatMap(name => /^@querywarden\/(.+)$/.exec(name)?.[1] ?? [])
const lineOf = (text, name) => text.slice(0, text.indexOf(`@querywarden/${name}"`)).split('\n').length

/** @returns {Place | null} */
function placeOf(file) {
  const [top, name] = file.split('/')
  if (top === 'packages') return PACKAGES[name] ?? null
  return top === 'examples' || top === 'bench' ? TOP : null
}

const mayTouchWorld = file => file.startsWith(SINKS) || file.startsWith(THREADS)
const isTest = file => /\.test\.ts$|(^|\/)test\//.test(file)
const isConfig = file => /(^|\/)[\w.-]*config\.(ts|mts|mjs)$|(^|\/)tsup\.base\.ts$/.test(file)
const isGenerated = (file, text) => /\.generated\.ts$|\/generated\//.test(file) || /^\/\/ Generated by /.test(text)

/** @returns {Violation[]} */
function checkCode(file, text) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  /** @type {Violation[]} */
  const violations = []
  const report = (node, message) => violations.push({ file, line: lineAt(source, node.getStart(source)), message })
  const visit = node => {
    checkImport(file, node, report)
    checkExport(file, node, report)
    checkWorld(file, node, report)
    if (!isTest(file) && !isGenerated(file, text)) checkLength(source, node, report)
    ts.forEachChild(node, visit)
  }
  visit(source)
  const lines = lineAt(source, source.end) - tableLines(source)
  if (lines > FILE_LINES_MAX && !isGenerated(file, text)) {
    violations.push({ file, line: 1, message: `has ${lines} lines without its tables, at most ${FILE_LINES_MAX}` })
  }
  return violations
}

const lineAt = (source, position) => source.getLineAndCharacterOfPosition(position).line + 1
const linesOf = (source, node) => lineAt(source, node.end) - lineAt(source, node.getStart(source)) + 1

/** Lines of top-level data: lists and objects, also inside `new Map(…)` and `new Set(…)`. */
function tableLines(source) {
  const isData = node =>
    ts.isArrayLiteralExpression(node) ||
    ts.isObjectLiteralExpression(node) ||
    ts.isNoSubstitutionTemplateLiteral(node) ||
    (ts.isNewExpression(node) && (node.arguments ?? []).some(isData)) ||
    ((ts.isAsExpression(node) || ts.isSatisfiesExpression(node)) && isData(node.expression))
  return source.statements
    .filter(ts.isVariableStatement)
    .flatMap(statement => statement.declarationList.declarations)
    .filter(({ initializer }) => initializer !== undefined && isData(initializer))
    .reduce((sum, { initializer }) => sum + linesOf(source, initializer) - 1, 0)
}

function checkLength(source, node, report) {
  if (!ts.isFunctionLike(node) || node.body === undefined) return
  const lines = linesOf(source, node)
  if (lines > FUNCTION_LINES_MAX) report(node, `has a function of ${lines} lines, at most ${FUNCTION_LINES_MAX}`)
}

function checkExport(file, node, report) {
  if (ts.isExportDeclaration(node) && (node.exportClause === undefined || ts.isNamespaceExport(node.exportClause))) {
    report(node, 'exports everything of another module: name what is exported')
  }
  const isDefault =
    (ts.isExportAssignment(node) && !node.isExportEquals) ||
    (ts.canHaveModifiers(node) && ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword))
  if (isDefault && !isConfig(file)) report(node, 'has a default export: name it')
}

function checkImport(file, node, report) {
  const specifier = specifierOf(node)
  const place = placeOf(file)
  if (specifier === null || place === null || isConfig(file)) return
  const own = file.split('/').slice(0, 2).join('/')
  if (specifier.startsWith('.')) {
    const target = join(file, '..', specifier).split(sep).join('/')
    if (!target.startsWith(`${own}/`) && place !== TOP)
      report(node, `imports \`${specifier}\` from another package's files`)
    return
  }
  const name = /^@querywarden\/([\w-]+)/.exec(specifier)?.[1]
  const mayLoadServers = isTest(file) || (file.startsWith(DEMO) && !isStaticValueImport(node))
  const allowed = mayLoadServers ? [...place.shipped, ...place.tested] : place.shipped
  if (name !== undefined && `packages/${name}` !== own && !allowed.includes(name)) {
    report(node, `imports \`${specifier}\`, which goes up or sideways`)
  }
  if (specifier.startsWith('node:') && !mayImport(place, file, specifier)) {
    report(node, `imports \`${specifier}\`: take it as an argument`)
  }
}

/** Whether an import is carried out at load time: not a type's, and not a call of `import()`. */
const isStaticValueImport = node =>
  ts.isImportDeclaration(node) && node.importClause?.phaseModifier !== ts.SyntaxKind.TypeKeyword

function mayImport({ world }, file, specifier) {
  if (isTest(file) || world === 'all' || mayTouchWorld(file) || !file.includes('/src/')) return true
  return world === 'crypto' && (specifier === 'node:crypto' || specifier === 'node:buffer')
}

/** The module that a node imports, or null. */
function specifierOf(node) {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
    return node.moduleSpecifier !== undefined && ts.isStringLiteral(node.moduleSpecifier)
      ? node.moduleSpecifier.text
      : null
  }
  const isDynamic = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
  const [argument] = isDynamic ? node.arguments : []
  return argument !== undefined && ts.isStringLiteral(argument) ? argument.text : null
}

/** Below the proxy time, randomness, timers and the network come in as arguments. */
function checkWorld(file, node, report) {
  const place = placeOf(file)
  if (place === null || place.world === 'all' || isTest(file) || isConfig(file) || mayTouchWorld(file)) return
  if (!file.includes('/src/')) return
  const text = node.getText()
  if (ts.isPropertyAccessExpression(node) && WORLD.includes(text))
    report(node, `uses \`${text}\`: take it as an argument`)
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && (node.arguments ?? []).length === 0) {
    report(node, 'reads the clock with `new Date()`: take a clock as an argument')
  }
  if (ts.isIdentifier(node) && WORLD_NAMES.includes(text) && isFree(node)) {
    report(node, `uses \`${text}\`: take it as an argument`)
  }
}

/** Whether an identifier is a global one in use, and not a property, a parameter or a declaration of the same name. */
function isFree(node) {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node
  if (ts.isCallExpression(parent)) return parent.expression === node && !isDeclared(node)
  return false
}

function isDeclared(node) {
  for (let scope = node.parent; scope !== undefined; scope = scope.parent) {
    if (ts.isFunctionLike(scope) && scope.parameters.some(({ name }) => mentions(name, node.text))) return true
    if (ts.isSourceFile(scope) || ts.isBlock(scope)) {
      const declares = scope.statements.some(
        statement =>
          (ts.isVariableStatement(statement) &&
            statement.declarationList.declarations.some(({ name }) => mentions(name, node.text))) ||
          (ts.isFunctionDeclaration(statement) && statement.name?.text === node.text),
      )
      if (declares) return true
    }
  }
  return false
}

/** Whether a name, or a pattern that takes an object apart, binds this text. */
function mentions(name, text) {
  return ts.isIdentifier(name) ? name.text === text : name.elements.some(one => one.name && mentions(one.name, text))
}

/** @param {Violation} violation */
export const lineFor = ({ file, line, message }) => `${file}:${line} ${message}`

const isMain = process.argv[1] !== undefined && import.meta.url === pathToFileURL(resolve(process.argv[1])).href
if (isMain) {
  const violations = findViolations(resolve(import.meta.dirname, '..'))
  for (const violation of violations) console.log(lineFor(violation))
  process.exitCode = violations.length > 0 ? 1 : 0
}

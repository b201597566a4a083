import { expect, test } from 'vitest'
import { JSON_STEPS_MAX, readJsonPath } from './json-path.ts'

const member = (name: string) => ({ kind: 'member', name })
const elements = { kind: 'elements' }

test.each([
  ['$', []],
  ['$.ssn', [member('ssn')]],
  ['$.contact.email', [member('contact'), member('email')]],
  ['$.cards[*].pan', [member('cards'), elements, member('pan')]],
  ['$[*][*]', [elements, elements]],
  ['$."a.b[*] \\"c\\" \\u0041"', [member('a.b[*] "c" A')]],
  ['$.__proto__', [member('__proto__')]],
])('%s is read step by step', (text, steps) => {
  expect(readJsonPath(text)).toEqual(steps)
})

test.each([
  '',
  'ssn',
  '.ssn',
  '$ssn',
  '$.',
  '$..ssn',
  '$.*',
  '$[0]',
  '$[ * ]',
  '$.a ',
  '$.1a',
  '$.a-b',
  '$."a',
  '$."\\x"',
  '$."\\u0000"',
  '$."\\ud800"',
  'lax $.a',
  '$.a ? (@ > 1)',
  `$${'.a'.repeat(JSON_STEPS_MAX + 1)}`,
])('%j is no path that a mask can follow', text => {
  expect(readJsonPath(text)).toBeNull()
})

import { describe, expect, test } from 'vitest'
import { NODE_FIELDS } from './generated/node-fields.ts'
import { FOREIGN_NODES } from './node-rules.ts'
import { isKnownNode } from './walk.ts'

describe('T6: the walk leaves no node type out', () => {
  test.each(Object.keys(NODE_FIELDS))('%s has exactly one rule', type => {
    expect(isKnownNode(type)).toBe(!FOREIGN_NODES.has(type))
  })
})

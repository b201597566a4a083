import { describe, expect, test } from 'vitest'
import { NODE_FIELDS } from './generated/node-fields.ts'
import { ruleOf } from './node-rules.ts'
import { VISITORS } from './walk.ts'

const WITHOUT_VISITOR = ['passive', 'leaf', 'foreign']

describe('T6: the walk leaves no node type out', () => {
  test.each(Object.keys(NODE_FIELDS))('%s has exactly one rule', type => {
    const rule = ruleOf(type)
    expect(rule).not.toBeNull()
    expect(VISITORS.has(type)).toBe(rule !== null && !WITHOUT_VISITOR.includes(rule))
  })

  test.each(['NewFangledExpr', '', 'constructor', '__proto__', 'toString'])('%j has none', type => {
    expect(ruleOf(type)).toBeNull()
    expect(VISITORS.has(type)).toBe(false)
  })
})

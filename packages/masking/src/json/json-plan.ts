import type { HashKey } from '../keyed-hash.ts'
import { type JsonLeaf, jsonLeaf } from './json-leaf.ts'
import type { JsonNode } from './json-tree.ts'

/** A way through a document with its masks prepared. */
export type JsonPlan =
  | { readonly kind: 'leaf'; readonly leaf: JsonLeaf }
  | { readonly kind: 'each'; readonly item: JsonPlan }
  | { readonly kind: 'object'; readonly members: ReadonlyMap<string, JsonPlan> }

/** Prepares the masks of a tree. Throws `KEY_TOO_SHORT`, and whatever `hashKey` throws. */
export function jsonPlan(node: JsonNode, hashKey: HashKey): JsonPlan {
  switch (node.kind) {
    case 'leaf':
      return { kind: 'leaf', leaf: jsonLeaf(node.mask, hashKey) }
    case 'each':
      return { kind: 'each', item: jsonPlan(node.item, hashKey) }
    case 'object': {
      const members = [...node.members].map(([name, child]) => [name, jsonPlan(child, hashKey)] as const)
      return { kind: 'object', members: new Map(members) }
    }
  }
}

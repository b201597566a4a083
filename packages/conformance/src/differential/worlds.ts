import { readSchema } from '../attacks/corpus-case.ts'
import { rawMessages } from './frames.ts'
import { outsideTexts } from './sources/texts.ts'
import type { WorldPlan } from './world.ts'

/** The shop that the attack corpora are about. */
export const SHOP: WorldPlan = {
  name: 'shop',
  fill: async client => {
    await client.query(await readSchema())
  },
}

const MAKES = /^\s*(create|insert|alter\s+(table|domain|type|view)|comment|copy\s*\()/i
/** What is made elsewhere too, takes long, or would end the making. */
const LEFT_OUT =
  /^\s*(create\s+(database|role|user|group|tablespace|subscription|publication|event)|create\s+schema\s+\w*temp)/i

/** As much of what the regression suites make as a role of no great rights can make, in the suites' order. */
export const REGRESS: WorldPlan = {
  name: 'regress',
  fill: async (client, owner) => {
    await client.query('CREATE SCHEMA scratch AUTHORIZATION app_owner')
    const texts = (await outsideTexts('pg_regress')).filter(({ sql }) => MAKES.test(sql) && !LEFT_OUT.test(sql))
    for (let at = 0; at < texts.length; at += CHUNK) {
      const chunk = texts.slice(at, at + CHUNK)
      // What fails is left out.
      await owner.send(rawMessages(chunk.map(({ sql }) => ['Q', sql])), chunk.length)
    }
  },
}

const CHUNK = 50

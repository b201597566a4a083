import type { Client } from 'pg'
import { readSchema } from '../attacks/corpus-case.ts'
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
    await owner.query("SET statement_timeout = '2s'")
    await owner.query("SET client_min_messages = 'error'")
    const texts = (await outsideTexts('pg_regress')).filter(({ sql }) => MAKES.test(sql) && !LEFT_OUT.test(sql))
    for (let at = 0; at < texts.length; at += CHUNK)
      await make(
        owner,
        texts.slice(at, at + CHUNK).map(({ sql }) => sql),
      )
  },
}

const CHUNK = 50

/** Runs each on its own; what fails is left out. */
async function make(owner: Client, texts: readonly string[]): Promise<void> {
  await Promise.all(texts.map(sql => owner.query(sql).catch(() => undefined)))
}

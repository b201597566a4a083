import { createServer, type Server } from 'node:http'
import { json } from 'node:stream/consumers'
import type { Principal } from '@querywarden/policy-core'
import type { Guard } from './guard.ts'

/** Who a request is from. A real service asks its own session or `@querywarden/identity`. */
export type Authenticate = (authorization: string | undefined) => Principal | null

/** `POST /query { "sql": "…", "params": […] }`: what an internal tool for analysts or agents often is, now with a policy. */
export function service(guard: Guard, authenticate: Authenticate): Server {
  return createServer((request, response) => {
    const reply = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
    const principal = authenticate(request.headers.authorization)
    if (principal === null) return reply(401, { error: 'who are you?' })
    json(request)
      .then(readBody)
      .then(async body => {
        if (body === null) return reply(400, { error: 'expected { sql, params }' })
        const answer = await guard.query(principal, body.sql, body.params)
        if (answer.kind === 'refused')
          reply(403, { code: answer.refusal.code, error: answer.refusal.message, hint: answer.refusal.hint })
        else reply(200, { columns: answer.columns, rows: answer.rows })
      })
      // What the database says can hold values; the caller only learns that it failed.
      .catch(() => reply(500, { error: 'the statement failed' }))
  })
}

interface Body {
  readonly sql: string
  readonly params: readonly (string | null)[]
}

function readBody(input: unknown): Body | null {
  if (typeof input !== 'object' || input === null || !('sql' in input) || typeof input.sql !== 'string') return null
  const params: unknown = 'params' in input ? input.params : []
  if (!Array.isArray(params)) return null
  const texts = params.filter((value): value is string | null => value === null || typeof value === 'string')
  return texts.length === params.length ? { sql: input.sql, params: texts } : null
}

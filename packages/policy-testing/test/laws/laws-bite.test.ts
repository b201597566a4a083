import type {
  Answer,
  Catalog,
  Entry,
  Facts,
  Identity,
  Masker,
  Question,
  Recorder,
  Statement,
} from '@querywarden/policy-core'
import { describe, expect, test } from 'vitest'
import {
  type ApproverUnderTest,
  approverLaws,
  asItself,
  catalogOf,
  classifierLaws,
  type Law,
  maskerLaws,
  recorderLaws,
  verifierLaws,
} from '../../src/index.ts'

const nobody: Identity = { issuer: 'https://idp.example.com', subject: 'ada', groups: [] }
const boss: Identity = { ...nobody, subject: 'bob', groups: ['dba'] }

const broken = async (laws: readonly Law[]): Promise<readonly string[]> => {
  const outcomes = await Promise.all(
    laws.map(async ({ name, check }) =>
      check().then(
        () => [],
        () => [name],
      ),
    ),
  )
  return outcomes.flat()
}

const question: Question = {
  session: 's1',
  principal: asItself(nobody),
  target: { name: 'app', dialect: 'postgres' },
  statement: { dialect: 'postgres', text: 'delete from orders', params: [] },
  canonical: 'delete from orders',
  decision: {
    kind: 'approve',
    terms: { rules: ['ask'], approverGroups: [['dba']], quorum: 1, expiresMs: 60_000, mode: 'hold' },
    obligations: { masks: [], detect: [], limits: { rowsMax: null, bytesMax: null, timeMsMax: null } },
    reasons: [],
  },
  terms: { rules: ['ask'], approverGroups: [['dba']], quorum: 1, expiresMs: 60_000, mode: 'hold' },
  policyVersion: 'v1',
  catalogFingerprint: 'c1',
  searchPath: ['public'],
}

/** An approver of one request, sound unless told otherwise. */
function approver({ heedsLeaving = true, knowsItself = true, honest = true } = {}): ApproverUnderTest {
  let settle: (answer: Answer) => void = () => undefined
  return {
    question,
    approver: boss,
    ask: (_, signal, onPending) =>
      new Promise(resolve => {
        settle = resolve
        signal.addEventListener('abort', () => resolve({ kind: heedsLeaving ? 'withdrawn' : 'expired', request: 'r1' }))
        onPending({ request: 'r1', expiresAt: 1 })
      }),
    respond: async (request, by, answer) => {
      if (knowsItself && by.subject === question.principal.subject) throw new Error('not your own')
      const kind = answer === 'grant' || !honest ? 'granted' : 'denied'
      settle({ kind, request, by: [by], reason: '' })
    },
  }
}

describe('the laws of an approver', () => {
  test.each([
    [{}, []],
    [{ heedsLeaving: false }, ['who leaves withdraws', 'an answer after leaving grants nothing']],
    [{ knowsItself: false }, ['nobody grants their own request']],
    [{ honest: false }, ['a denied request is denied']],
  ])('%j', async (flaws, names) => {
    expect(await broken(approverLaws(async () => approver(flaws)))).toEqual(names)
  })
})

describe('the laws of a masker', () => {
  const masking =
    (hide: (text: string) => string): Masker =>
    plan =>
      plan.detect.length === 0
        ? null
        : cells => {
            for (const [index, cell] of cells.entries()) {
              const text = cell instanceof Uint8Array ? new TextDecoder().decode(cell) : cell
              cells[index] = text === null ? null : hide(text)
            }
          }

  test.each<readonly [string, Masker, readonly string[]]>([
    ['a sound one', masking(text => text.replaceAll(/\d{13,19}/g, '[hidden]')), []],
    ['one that hides nothing', masking(text => text), ['a detected value never leaves']],
    [
      'one that is always there',
      () => () => undefined,
      ['a plan that hides nothing changes no cell', 'a detected value never leaves'],
    ],
    [
      'one that drops cells',
      () => cells => void cells.splice(0),
      ['a plan that hides nothing changes no cell', 'NULL stays NULL, and cells stay in number'],
    ],
  ])('%s', async (_, masker, names) => {
    expect(await broken(maskerLaws(() => masker, { runs: 200 }))).toEqual(names)
  })
})

describe('the laws of a recorder', () => {
  const opening = {
    session: 's1',
    principal: asItself(nobody),
    target: question.target,
    policyVersion: 'v1',
    catalogFingerprint: 'c1',
    client: {},
  }
  const recorder =
    (closes: boolean): Recorder =>
    async () => {
      const entries: Entry[] = []
      let isOpen = true
      return {
        append: async entry => {
          if (!isOpen) throw new Error('closed')
          entries.push(entry)
        },
        close: async () => {
          isOpen = !closes
        },
      }
    }

  test.each<readonly [string, boolean, readonly string[]]>([
    ['a sound one', true, []],
    ['one that stays open', false, ['a closed account takes no entry']],
  ])('%s', async (_, closes, names) => {
    expect(await broken(recorderLaws(async () => ({ record: recorder(closes), opening })))).toEqual(names)
  })
})

describe('the laws of a verifier', () => {
  const make = (isGood: (token: string) => boolean, lasts: boolean) => async () => ({
    goodToken: 'good-token',
    now: 1_000,
    verify: async ({ token }: { readonly token: string }, now: number) => {
      if (!isGood(token) || (lasts && now >= 2_000)) throw new Error('no')
      return { ...asItself(nobody), expiresAt: 2_000 }
    },
  })

  test.each<readonly [string, Parameters<typeof make>, readonly string[]]>([
    ['a sound one', [token => token === 'good-token', true], []],
    ['one that takes a prefix', [token => token.startsWith('good'), true], ['no other text is a token']],
    [
      'one that knows no time',
      [token => token === 'good-token', false],
      ['a good token names a principal whose time has not passed'],
    ],
  ])('%s', async (_, parts, names) => {
    expect(await broken(verifierLaws(make(...parts), { runs: 200 }))).toEqual(names)
  })
})

describe('the laws of a classifier', () => {
  const column = { name: 'id', attnum: 1, typeOid: 23, typmod: -1, type: 'integer', origins: [] }
  const catalog = catalogOf([{ schema: 'public', name: 'orders', oid: 1, kind: 'table', columns: [column] }])

  test.each<readonly [string, (statement: Statement, catalog: Catalog) => Facts, readonly string[]]>([
    [
      'one that understands nothing',
      () => ({ kind: 'opaque', code: 'SYNTAX', message: 'no', offset: null }),
      [
        'a plain statement is understood, and does something',
        'a statement uses the relation that it is about',
        'what changes rows is never only read',
        'facts say which catalog they rest on',
      ],
    ],
    [
      'one that throws at what it does not know',
      ({ text }) => {
        throw new Error(`what is ${text.length}`)
      },
      [
        ...classifierLaws(() => () => ({ kind: 'opaque', code: 'SYNTAX', message: '', offset: null }), catalog, {
          runs: 1,
        }),
      ].map(({ name }) => name),
    ],
    [
      'one that takes everything for a read',
      () => ({
        kind: 'understood',
        tag: 'SELECT',
        uses: [{ kind: 'statement', effect: 'read', why: 'reads', place: { start: 0, end: 1_000 } }],
        prohibitions: [],
        mentions: [],
        columns: [],
        outputs: null,
        calls: [],
        fingerprint: '',
        canonical: '',
        copy: null,
        searchPath: 'kept',
        catalogFingerprint: catalog.fingerprint,
      }),
      [
        'a text that does not parse to one statement is opaque',
        'a text that holds NUL or half a surrogate pair is opaque',
        'two statements are never one',
        'a statement uses the relation that it is about',
        'what changes rows is never only read',
        'every place lies within the text',
      ],
    ],
  ])('%s', async (_, classifier, names) => {
    expect(await broken(classifierLaws(() => classifier, catalog, { runs: 100 }))).toEqual(names)
  })
})

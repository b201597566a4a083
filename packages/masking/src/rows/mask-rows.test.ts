import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, expect, test } from 'vitest'
import { MaskingError } from '../errors.ts'
import { maskRows } from './mask-rows.ts'
import { originMasks, type ResultPlanOptions, resultPlan } from './result-plan.ts'
import { fieldsOfMysql2, fieldsOfPg, type RowField } from './row-fields.ts'
import { type MaskPlanOptions, maskPlan } from './row-plan.ts'

const hashKey = (): Uint8Array => Buffer.alloc(32, 7)
const redact = { kind: 'redact' } as const
const last4 = { kind: 'partial', first: 0, last: 4, fill: '*' } as const

const byName = (more: Partial<MaskPlanOptions> = {}) =>
  maskPlan({
    columns: {
      ssn: { mask: redact, type: 'string' },
      'contact.email': { mask: { kind: 'email' }, type: 'string' },
      pan: { mask: last4, type: 'string' },
    },
    safe: ['id', 'contact.phone'],
    others: 'null',
    detect: [],
    hashKey,
    ...more,
  })

describe('rows by the names of their columns', () => {
  test('show what is masked masked, what is safe, and nothing else', () => {
    const rows = [{ id: 1, ssn: '123-45-6789', note: 'x', contact: { email: 'ada@b.cd', phone: '1', other: 2 } }]
    expect(maskRows(rows, byName())).toEqual([
      { id: 1, ssn: '[redacted]', note: null, contact: { email: 'a***@b.cd', phone: '1', other: null } },
    ])
    expect(maskRows(rows, byName({ others: 'keep' }))[0]).toMatchObject({ note: 'x', contact: { other: 2 } })
  })

  test('an alias is another column, and hidden as long as others are', () => {
    expect(maskRows([{ s: '123-45-6789', SSN: '123-45-6789' }], byName())).toEqual([{ s: null, SSN: null }])
  })

  test('the rows that are given stay as they were, and may be frozen', () => {
    const row = Object.freeze({ id: 1, ssn: '123', contact: Object.freeze({ email: 'ada@b.cd' }) })
    const before = structuredClone(row)
    maskRows([row], byName())
    expect(row).toEqual(before)
  })

  test('names that objects treat in their own way are columns like others', () => {
    const row: Record<string, unknown> = JSON.parse('{"__proto__":{"polluted":"123"},"constructor":"c","toString":"t"}')
    const plan = byName({
      columns: JSON.parse('{"__proto__":{"mask":{"kind":"null"},"type":"string"}}'),
      safe: ['toString'],
    })
    const [masked] = maskRows([row], plan)
    expect(Object.entries(masked ?? {})).toEqual([
      ['__proto__', null],
      ['constructor', null],
      ['toString', 't'],
    ])
    expect(Object.getPrototypeOf(masked)).toBe(Object.prototype)
    expect(JSON.stringify(maskRows([row], byName({ others: 'keep' })))).toBe(JSON.stringify([row]))
  })

  test('a getter is asked once: it can not show another value than was masked', () => {
    let asked = 0
    const row = {
      get pan() {
        return asked++ === 0 ? '4111111111111111' : 'raw'
      },
    }
    expect(maskRows([row], byName())).toEqual([{ pan: '****1111' }])
    expect(asked).toBe(1)
  })

  test.each([
    [['x'], [null]],
    ['ada@b.cd', null],
    [42, null],
    [new Map([['email', 'ada@b.cd']]), null],
    [
      [{ email: 'ada@b.cd' }, ['ada@b.cd'], null],
      [{ email: 'a***@b.cd' }, null, null],
    ],
    [null, null],
  ])('where masked members should be, %j shows %j (P6)', (contact, shown) => {
    expect(maskRows([{ contact }], byName({ others: 'keep' }))).toEqual([{ contact: shown }])
  })

  test('detectors look into what is kept, however deep, and leave the rest as it is', () => {
    const made = new Date(0)
    const plan = byName({ safe: ['all'], detect: [{ detector: 'email', mask: redact }] })
    const all = { list: ['mail ada@example.com', 7], made, 'ada@example.com': null }
    expect(maskRows([{ all }], plan)).toEqual([{ all: { list: ['mail [redacted]', 7], made, '[redacted]': null } }])
    const loop: Record<string, unknown> = {}
    loop['self'] = loop
    expect(maskRows([{ all: loop }], plan)).toEqual([{ all: null }])
  })

  test('detectors see what objects with a class print, and hide all of such an object', () => {
    const plan = byName({ safe: ['all'], detect: [{ detector: 'email', mask: redact }] })
    const shown = (all: unknown): unknown => maskRows([{ all }], plan)[0]?.all
    class Contact {
      readonly #email = 'ada@example.com'
      toJSON = (): string => this.#email
    }
    for (const hidden of [
      new Map([['a', 'ada@example.com']]),
      new Set([{ deep: new Map([[1n, 'ada@example.com']]) }]),
      new URL('mailto:ada@example.com'),
      new Contact(),
    ])
      expect(shown(hidden)).toBeNull()
    for (const kept of [new Map([['a', 1n]]), new Date(0), Buffer.from('ada@example.com')])
      expect(shown(kept)).toBe(kept)
  })

  test('a secret key is found by the name of its member', () => {
    const secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'
    const plan = byName({ safe: ['all'], detect: [{ detector: 'aws-key', mask: redact }] })
    const all = { aws_secret_access_key: secret, other: secret }
    expect(maskRows([{ all }], plan)).toEqual([{ all: { ...all, aws_secret_access_key: '[redacted]' } }])
  })

  test('what is no row, and a column that is masked and safe, are errors', () => {
    expect(() => maskRows([['123']], byName())).toThrow(MaskingError)
    expect(() => byName({ safe: ['ssn'] })).toThrow('column `ssn` is masked, or a part of it, expected')
    expect(() => byName({ safe: ['contact'] })).toThrow('column `contact` is masked, or a part of it, expected')
  })
})

describe('rows as they come', () => {
  const rows = [
    { id: 1, ssn: '1' },
    { id: 2, ssn: null },
  ]
  const shown = [
    { id: 1, ssn: '[redacted]' },
    { id: 2, ssn: '[redacted]' },
  ]

  test('of an async iterable', async () => {
    const given = async function* () {
      yield* rows
    }
    const got: unknown[] = []
    for await (const row of maskRows(given(), byName())) got.push(row)
    expect(got).toEqual(shown)
  })

  test('of a Node stream, as a step of a pipeline', async () => {
    const got: unknown[] = []
    await pipeline(
      Readable.from(rows),
      source => maskRows(source, byName()),
      async source => {
        for await (const row of source) got.push(row)
      },
    )
    expect(got).toEqual(shown)
  })
})

describe('values stay of the kind that the driver gives', () => {
  const date = new Date('2024-05-06T07:08:09.123Z')
  test.each([
    ['number', 42, redact, null],
    ['number', 42, { kind: 'constant', value: '7' }, 7],
    ['bigint', 42n, { kind: 'constant', value: '7' }, 7n],
    ['boolean', true, { kind: 'constant', value: 'false' }, false],
    ['date', date, { kind: 'date-trunc', unit: 'month' }, new Date('2024-05-01T00:00:00Z')],
    ['date', date, redact, null],
    ['date', new Date(Number.NaN), { kind: 'date-trunc', unit: 'month' }, null],
    ['date', Number.POSITIVE_INFINITY, { kind: 'date-trunc', unit: 'month' }, Number.POSITIVE_INFINITY],
    ['buffer', Buffer.from('secret'), redact, null],
    ['buffer', Buffer.from('secret'), { kind: 'constant', value: '\\x00ff' }, Buffer.from([0, 255])],
    ['json', { ssn: '1' }, redact, '[redacted]'],
    [
      'json',
      { ssn: '1', a: 2 },
      { kind: 'json', members: [{ path: [{ kind: 'member', name: 'ssn' }], mask: redact }] },
      { ssn: '[redacted]', a: 2 },
    ],
    ['json', null, { kind: 'json', members: [{ path: [{ kind: 'member', name: 'ssn' }], mask: redact }] }, null],
    ['string', 'secret', last4, '****'],
    ['string', Symbol('secret'), last4, null],
    ['string', { toString: () => 'secret' }, last4, null],
    ['string', undefined, last4, null],
    ['string', '\ud800', last4, null],
    [{ typeOid: 1009 }, ['4111111111111111', null], last4, ['****1111', null]],
    [{ typeOid: 1009 }, [['4111111111111111']], last4, null],
    [{ typeOid: 1009 }, '{4111111111111111}', last4, null],
    [{ typeOid: 1009 }, ['secret'], redact, ['[redacted]']],
    [{ typeOid: 1700 }, '12.50', redact, null],
    [{ typeOid: 20 }, '12', { kind: 'constant', value: '0' }, '0'],
    [{ typeOid: 20, js: 'bigint' }, 12n, { kind: 'constant', value: '0' }, 0n],
    [{ typeOid: 1082, dates: 'utc' }, date, { kind: 'date-trunc', unit: 'year' }, new Date('2024-01-01T00:00:00Z')],
    [{ typeOid: 1114 }, new Date(2024, 4, 6, 7), { kind: 'date-trunc', unit: 'day' }, new Date(2024, 4, 6)],
    [{ typeOid: 1114 }, '2024-05-06 07:08:09', { kind: 'date-trunc', unit: 'day' }, '2024-05-06 00:00:00'],
    [{ typeOid: 90_001 }, { years: 3 }, redact, null],
  ] as const)('%# %s', (type, value, mask, shown) => {
    const plan = maskPlan({ columns: { v: { mask, type } }, safe: [], others: 'null', detect: [], hashKey })
    expect(maskRows([{ v: value }], plan)).toEqual([{ v: shown }])
  })
})

describe('rows of a known result', () => {
  const field = (name: string, attnum: number, tableOid = 20_000): RowField => ({
    name,
    type: 'string',
    origin: tableOid === 0 ? null : { kind: 'oid', tableOid, attnum },
  })
  const ssn = { tableOid: 20_000, attnum: 2, schema: 'public', table: 'person', column: 'ssn', mask: redact }
  const options: ResultPlanOptions = { masks: [ssn], detect: [], unknownOrigin: 'null', safe: [], hashKey }

  test('are masked by where a column is from, by whatever name it goes, in objects and in lists', () => {
    const plan = resultPlan([field('id', 1), field('harmless', 2), field('lower', 0, 0)], options)
    expect(maskRows([{ id: '1', harmless: '123', lower: '123' }], plan)).toEqual([
      { id: '1', harmless: '[redacted]', lower: null },
    ])
    expect(maskRows([['1', '123', '123', 'more']], plan)).toEqual([['1', '[redacted]', null, null]])
  })

  test('columns without an origin show only where they are named safe, and columns of no field never', () => {
    const plan = resultPlan([field('count', 0, 0)], { ...options, safe: ['count'] })
    expect(maskRows([{ count: '3', more: 'x' }], plan)).toEqual([{ count: '3', more: null }])
    expect(
      maskRows([{ count: '3' }], resultPlan([field('count', 0, 0)], { ...options, unknownOrigin: 'keep' })),
    ).toEqual([{ count: '3' }])
  })

  test('of columns with one name nothing shows in objects, if one of them is hidden', () => {
    const fields = [field('v', 1), field('v', 2)]
    expect(maskRows([{ v: '123' }], resultPlan(fields, options))).toEqual([{ v: null }])
    expect(maskRows([{ v: '123' }], resultPlan([...fields].reverse(), options))).toEqual([{ v: null }])
    expect(maskRows([['1', '123']], resultPlan(fields, options))).toEqual([['1', '[redacted]']])
    expect(maskRows([{ v: '1' }], resultPlan([field('v', 1), field('v', 3)], options))).toEqual([{ v: '1' }])
  })

  test('of several masks on one column the strictest holds', () => {
    const masks = [ssn, { ...ssn, mask: { kind: 'null' } as const }]
    expect(maskRows([['123']], resultPlan([field('ssn', 2)], { ...options, masks }))).toEqual([[null]])
  })

  test('masks of a decision and fields of pg meet by number', () => {
    const column = { name: 'ssn', attnum: 2, typeOid: 25, typmod: -1, type: 'text', origins: [] }
    const relation = { schema: 'public', name: 'person', oid: 20_000, kind: 'table', columns: [column] } as const
    const masked = {
      column,
      mask: redact,
      predicates: 'on-mask',
      lookups: { perMinuteMax: null, perDayMax: null },
      entry: 0,
    } as const
    expect(originMasks([{ relation, columns: [masked] }])).toEqual([ssn])
    const fields = [{ name: 's', tableID: 20_000, columnID: 2, dataTypeID: 25, dataTypeModifier: -1, format: 'text' }]
    expect(maskRows([{ s: '123' }], resultPlan(fieldsOfPg(fields), options))).toEqual([{ s: '[redacted]' }])
  })

  test('fields of mysql2 meet by names, in any case, and only by all three', () => {
    const fields = [
      { name: 'a', orgName: 'SSN', orgTable: 'Person', schema: 'public', columnType: 253, characterSet: 224 },
      { name: 'b', orgName: 'ssn', orgTable: '', schema: 'public', columnType: 253, characterSet: 224 },
      { name: 'c', orgName: 'ssn', orgTable: 'other', schema: 'public', columnType: 253, characterSet: 224 },
    ]
    expect(maskRows([{ a: '1', b: '1', c: '1' }], resultPlan(fieldsOfMysql2(fields), options))).toEqual([
      { a: '[redacted]', b: null, c: '1' },
    ])
  })
})

import { request } from 'node:http'
import { describe, expect, test } from 'vitest'
import { RecordingError } from '../../src/index.ts'
import { parseXml } from '../../src/object-store/xml.ts'
import { collected, optionsOf, storeOf, storeServer } from './store-fixtures.ts'

const bytes = Buffer.from('what was recorded')
const DAY_MS = 86_400_000

describe('an object is made once, whole', () => {
  test('with a lock, as long as was asked for', async () => {
    const server = await storeServer()
    const store = storeOf(server)
    const retainUntil = Date.UTC(2040, 0, 1)
    expect(await store.put('a/b c+d~(1).dbrec', bytes, { mode: 'COMPLIANCE', retainUntil })).toBe('made')
    expect(await store.head('a/b c+d~(1).dbrec')).toEqual({
      bytes: bytes.length,
      lock: { mode: 'COMPLIANCE', retainUntil },
    })
    expect(server.objects().get('gateway/a/b c+d~(1).dbrec')).toEqual(bytes)
    expect(await store.put('a/b c+d~(1).dbrec', Buffer.from('else'), null)).toBe('exists')
    expect(server.objects().get('gateway/a/b c+d~(1).dbrec')).toEqual(bytes)
  })

  test('ranges are read, and what is not there is null', async () => {
    const store = storeOf(await storeServer())
    await store.put('k', bytes, null)
    expect(Buffer.from((await store.get('k', 5, 8)) ?? []).toString()).toBe('was')
    expect(await store.get('other', 0, 8)).toBeNull()
    expect(await store.head('other')).toBeNull()
    await expect(store.get('k', 10, 100)).rejects.toMatchObject({ code: 'MALFORMED' })
  })

  test('lists go over pages, and stay within their prefix', async () => {
    const server = await storeServer()
    const store = storeOf(server, { prefix: '' })
    const keys = Array.from({ length: 230 }, (_, i) => `b/${String(i).padStart(4, '0')}&<">'`)
    for (const key of [...keys, 'c/1']) await store.put(key, Buffer.from(key), null)
    expect((await collected(store.list('b/'))).map(({ key }) => key)).toEqual(keys)
    expect(await collected(storeOf(server, { prefix: 'c' }).list(''))).toEqual([{ key: '1', bytes: 3 }])
    expect(server.requests.filter(line => line.startsWith('ListObjectsV2')).length).toBe(4)
  })

  test('by host as well as by path', async () => {
    const server = await storeServer()
    // What resolves names is not asked: `recordings.localhost` is this host.
    const toThisHost = (url: string, init: Parameters<typeof fetch>[1] & { readonly headers: Headers }) =>
      new Promise<Response>((resolve, reject) => {
        const { hostname, pathname, search } = new URL(url)
        const headers = { ...Object.fromEntries(init.headers), host: `${hostname}:${server.port}` }
        const sent = request(
          { host: '127.0.0.1', port: server.port, path: pathname + search, method: init.method, headers },
          response => {
            response.resume()
            resolve(new Response(null, { status: response.statusCode ?? 500 }))
          },
        )
        sent.on('error', reject)
        sent.end(init.body)
      })
    const store = storeOf(server, {
      endpoint: `http://localhost:${server.port}`,
      addressing: 'host',
      fetch: toThisHost,
    })
    expect(await store.put('k', bytes, null)).toBe('made')
    expect(server.objects().get('gateway/k')).toEqual(bytes)
  })

  test('with temporary credentials, asked for anew each time', async () => {
    const server = await storeServer({ sessionToken: 'token/with+signs==' })
    const store = storeOf(server)
    expect(await store.put('k', bytes, null)).toBe('made')
    const stale = storeOf(server, {
      credentials: async () => ({ ...(await optionsOf(server).credentials()), sessionToken: null }),
    })
    await expect(stale.put('l', bytes, null)).rejects.toMatchObject({ code: 'STORE_REFUSED' })
  })
})

describe('in parts', () => {
  const part = (number: number) => ({ number, bytes: Buffer.alloc(10, number) })
  test('that can be listed, over pages, and ended once', async () => {
    const server = await storeServer()
    const store = storeOf(server)
    const upload = await store.begin('k', { mode: 'GOVERNANCE', retainUntil: Date.now() + DAY_MS })
    for (const number of [1, 2, 3, 4, 5]) await store.putPart('k', upload, part(number))
    const parts = (await store.parts('k', upload)) ?? []
    expect(parts.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5])
    expect(await store.uploads('k')).toEqual([upload])
    expect(await store.complete('k', upload, parts)).toBe('made')
    expect(await store.complete('k', upload, parts)).toBeNull()
    expect(server.objects().get('gateway/k')).toEqual(Buffer.concat([1, 2, 3, 4, 5].map(n => part(n).bytes)))
    expect((await store.head('k'))?.lock?.mode).toBe('GOVERNANCE')
  })

  test('never over what is there, and dropped for good', async () => {
    const server = await storeServer()
    const store = storeOf(server)
    const upload = await store.begin('k', null)
    await store.putPart('k', upload, part(1))
    await store.put('k', bytes, null)
    expect(await store.complete('k', upload, (await store.parts('k', upload)) ?? [])).toBe('exists')
    await store.abort('k', upload)
    expect(await store.parts('k', upload)).toBeNull()
    expect(server.openUploads()).toBe(0)
    expect(server.objects().get('gateway/k')).toEqual(bytes)
  })

  test('an error within a 200 is an error', async () => {
    const server = await storeServer()
    const store = storeOf(server)
    const upload = await store.begin('k', null)
    await store.putPart('k', upload, part(1))
    const parts = (await store.parts('k', upload)) ?? []
    server.fail({ operation: 'CompleteMultipartUpload', kind: 'error-in-200', times: 5 })
    await expect(store.complete('k', upload, parts)).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
    expect(await store.complete('k', upload, parts)).toBe('made')
  })
})

describe('what goes wrong', () => {
  test.each(['unavailable', 'too-many', 'cut'] as const)('%s: tried again until it works', async kind => {
    const server = await storeServer()
    server.fail({ operation: 'PutObject', kind, times: 4 })
    expect(await storeOf(server).put('k', bytes, null)).toBe('made')
    expect(server.requests).toHaveLength(5)
  })

  test('a body that is cut off is not taken for whole', async () => {
    const server = await storeServer()
    const store = storeOf(server)
    await store.put('k', bytes, null)
    server.fail({ operation: 'GetObject', kind: 'cut', times: 2 })
    expect(await store.get('k', 0, bytes.length)).toEqual(new Uint8Array(bytes))
  })

  test('a lost answer: what is there then is said to be there, not to be ours', async () => {
    const server = await storeServer()
    server.fail({ operation: 'PutObject', kind: 'lost-answer' })
    expect(await storeOf(server).put('k', bytes, null)).toBe('exists')
  })

  test('five tries, and then an error that names the place and no credential', async () => {
    const server = await storeServer()
    server.fail({ operation: 'PutObject', kind: 'unavailable', times: 100 })
    const waits: number[] = []
    const store = storeOf(server, { sleep: async ms => void waits.push(ms) })
    const error = await store.put('k', bytes, null).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(RecordingError)
    expect(error).toMatchObject({
      code: 'STORE_UNREACHABLE',
      message: `writing s3://recordings/gateway/k failed 5 times (status 503 SlowDown): check that ${server.url} can be reached`,
    })
    expect(waits).toEqual([200, 400, 800, 1_600])
    expect(JSON.stringify(error)).not.toContain(server.secretAccessKey)
  })

  test('a server that hangs is left after the time limit', async () => {
    const server = await storeServer()
    server.fail({ operation: 'PutObject', kind: 'hang' })
    const store = storeOf(server, { deadline: () => AbortSignal.timeout(100) })
    expect(await store.put('k', bytes, null)).toBe('made')
    expect(server.requests).toHaveLength(2)
  })

  test('a refusal is not tried again', async () => {
    const server = await storeServer()
    server.fail({ operation: 'PutObject', kind: 'denied' })
    await expect(storeOf(server).put('k', bytes, null)).rejects.toMatchObject({
      code: 'STORE_REFUSED',
      message:
        'writing s3://recordings/gateway/k was refused (403 AccessDenied): give the account the right to do that, see docs/operating.md',
    })
    expect(server.requests).toHaveLength(1)
  })

  test.each([
    ['another secret', { secretAccessKey: 'x'.repeat(40) }, 'SignatureDoesNotMatch'],
    ['another key', { accessKeyId: 'AKIDNOBODY' }, 'InvalidAccessKeyId'],
  ])('%s: the signature is checked', async (_, other, code) => {
    const server = await storeServer()
    const credentials = async () => ({ ...(await optionsOf(server).credentials()), ...other })
    await expect(storeOf(server, { credentials }).put('k', bytes, null)).rejects.toThrow(code)
  })

  test("a clock that is off shows as the store's word", async () => {
    const server = await storeServer({ now: () => Date.now() + 3_600_000 })
    await expect(storeOf(server).put('k', bytes, null)).rejects.toThrow("RequestTimeTooSkewed): set this host's clock")
  })
})

describe('Object Lock, as the server for tests has it', () => {
  const send = async (server: Awaited<ReturnType<typeof storeServer>>, method: string, query: string, more = {}) => {
    const { requestSigner } = await import('../../src/object-store/sign-request.ts')
    const { createHash } = await import('node:crypto')
    const { body = '', ...headers }: Record<string, string> = more
    const url = `${server.url}/${server.bucket}/gateway/k${query}`
    const payloadHash = createHash('sha256').update(body).digest('hex')
    const signed = await requestSigner(optionsOf(server))({ method, url, headers, payloadHash })
    // Of a string fetch would tell the type, in a header that isn't signed.
    const answer = await fetch(url, { method, headers: signed, ...(body === '' ? {} : { body: Buffer.from(body) }) })
    return /<Message>([^<]*)/.exec(await answer.text())?.[1] ?? answer.status
  }
  const retention = (mode: string, until: number) =>
    `<Retention><Mode>${mode}</Mode><RetainUntilDate>${new Date(until).toISOString()}</RetainUntilDate></Retention>`

  test('COMPLIANCE: a version can not go, nor its time be made shorter, whatever right one has', async () => {
    const server = await storeServer()
    const retainUntil = Date.now() + DAY_MS
    await storeOf(server).put('k', bytes, { mode: 'COMPLIANCE', retainUntil })
    const [version] = server.versions('gateway/k')
    const bypass = { 'x-amz-bypass-governance-retention': 'true' }
    expect(await send(server, 'DELETE', `?versionId=${version?.id}`, bypass)).toBe('the version is locked')
    const shorter = { ...bypass, body: retention('COMPLIANCE', retainUntil - 1_000) }
    expect(await send(server, 'PUT', '?retention=', shorter)).toBe('the version is locked')
    expect(await send(server, 'PUT', '?retention=', { ...bypass, body: retention('GOVERNANCE', retainUntil) })).toBe(
      'the version is locked',
    )
    expect(await send(server, 'PUT', '?retention=', { body: retention('COMPLIANCE', retainUntil + 1_000) })).toBe(200)
    expect(await send(server, 'DELETE', '')).toBe(204)
    expect(server.versions('gateway/k')[0]?.bytes).toEqual(bytes)
  })

  test('GOVERNANCE: it goes only by who may', async () => {
    const server = await storeServer()
    await storeOf(server).put('k', bytes, { mode: 'GOVERNANCE', retainUntil: Date.now() + DAY_MS })
    const [version] = server.versions('gateway/k')
    expect(await send(server, 'DELETE', `?versionId=${version?.id}`)).toBe('the version is locked')
    const bypass = { 'x-amz-bypass-governance-retention': 'true' }
    expect(await send(server, 'DELETE', `?versionId=${version?.id}`, bypass)).toBe(204)
  })
})

describe('XML', () => {
  test.each([
    ['<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'],
    ['<a><b></a></b>'],
    ['<a>'],
    ['</a>'],
    ['<a></a><b></b>'],
    ['<a>&c;</a>'],
    ['<a>&#x110000;</a>'],
    ['<a><![CDATA[x]]></a>'],
    ['words'],
    [''],
    [`${'<a>'.repeat(40)}${'</a>'.repeat(40)}`],
  ])('%s is refused', text => {
    expect(() => parseXml(text)).toThrow('XML of another form')
  })

  test('what S3 answers is read', () => {
    const text =
      '<?xml version="1.0" encoding="UTF-8"?>\n<R xmlns="http://x/"><K a=\'1\'>a&amp;&#60;&#x3e;</K><E/>\n</R>'
    expect(parseXml(text)).toMatchObject({
      name: 'R',
      children: [
        { name: 'K', text: 'a&<>' },
        { name: 'E', text: '' },
      ],
    })
  })
})

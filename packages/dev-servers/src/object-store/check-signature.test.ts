import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { checkSignature, type RawRequest, type SigningTerms } from './check-signature.ts'

// The examples of the Amazon S3 API reference, "Signature calculations for the authorization header: transferring payload
// in a single chunk".
const terms: SigningTerms = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  sessionToken: null,
  region: 'us-east-1',
  now: () => Date.UTC(2013, 4, 24, 0, 5),
}
const EMPTY = createHash('sha256').digest('hex')

const request = (
  method: string,
  target: string,
  given: { readonly signature: string; readonly headers?: readonly string[]; readonly body?: string },
): RawRequest => {
  const body = Buffer.from(given.body ?? '')
  const rawHeaders = [
    'Host',
    'examplebucket.s3.amazonaws.com',
    'x-amz-date',
    '20130524T000000Z',
    'x-amz-content-sha256',
    createHash('sha256').update(body).digest('hex'),
    ...(given.headers ?? []),
  ]
  const signed = rawHeaders
    .filter((_, i) => i % 2 === 0)
    .map(name => name.toLowerCase())
    .sort()
    .join(';')
  const authorization = `AWS4-HMAC-SHA256 Credential=${terms.accessKeyId}/20130524/us-east-1/s3/aws4_request,SignedHeaders=${signed},Signature=${given.signature}`
  return { method, target, rawHeaders: [...rawHeaders, 'Authorization', authorization], body }
}

const get = request('GET', '/test.txt', {
  headers: ['Range', 'bytes=0-9'],
  signature: 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
})

describe('signatures that AWS published are right', () => {
  test.each([
    ['an object', get],
    [
      'putting an object',
      request('PUT', '/test$file.text', {
        headers: ['Date', 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class', 'REDUCED_REDUNDANCY'],
        body: 'Welcome to Amazon S3.',
        signature: '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
      }),
    ],
    [
      'a subresource',
      request('GET', '/?lifecycle', { signature: 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543' }),
    ],
    [
      'a list',
      request('GET', '/?max-keys=2&prefix=J', {
        signature: '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
      }),
    ],
  ])('%s', (_, signed) => {
    expect(() => checkSignature(signed, terms)).not.toThrow()
  })
})

describe('what is not signed as a whole is refused', () => {
  const withHeaders = (change: (headers: string[]) => void): RawRequest => {
    const rawHeaders = [...get.rawHeaders]
    change(rawHeaders)
    return { ...get, rawHeaders }
  }
  test.each<[string, RawRequest, string]>([
    ['another path', { ...get, target: '/test.txs' }, 'SignatureDoesNotMatch'],
    ['another query', { ...get, target: '/test.txt?versionId=1' }, 'SignatureDoesNotMatch'],
    ['another method', { ...get, method: 'DELETE' }, 'SignatureDoesNotMatch'],
    ['another body', { ...get, body: Buffer.from('x') }, 'XAmzContentSHA256Mismatch'],
    [
      'a header changed',
      withHeaders(headers => headers.splice(headers.indexOf('bytes=0-9'), 1, 'bytes=0-8')),
      'SignatureDoesNotMatch',
    ],
    ['a header added', withHeaders(headers => headers.push('x-amz-object-lock-mode', 'GOVERNANCE')), 'AccessDenied'],
    ['a condition added', withHeaders(headers => headers.push('If-None-Match', '*')), 'AccessDenied'],
    ['no authorization', withHeaders(headers => headers.splice(headers.indexOf('Authorization'), 2)), 'AccessDenied'],
    [
      'a payload that is not signed',
      withHeaders(headers => headers.splice(headers.indexOf(EMPTY), 1, 'UNSIGNED-PAYLOAD')),
      'SignatureDoesNotMatch',
    ],
  ])('%s', (_, changed, code) => {
    expect(() => checkSignature(changed, terms)).toThrow(expect.objectContaining({ code }))
  })

  test.each([
    ['another secret', { secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEZ' }, 'SignatureDoesNotMatch'],
    ['another key', { accessKeyId: 'AKIAIOSFODNN7EXAMPLF' }, 'InvalidAccessKeyId'],
    ['another region', { region: 'eu-west-1' }, 'AuthorizationHeaderMalformed'],
    ['a token that is missing', { sessionToken: 't' }, 'InvalidToken'],
    ['a clock that is ahead', { now: () => Date.UTC(2013, 4, 24, 0, 16) }, 'RequestTimeTooSkewed'],
    ['a clock that is behind', { now: () => Date.UTC(2013, 4, 23, 23, 44) }, 'RequestTimeTooSkewed'],
  ])('%s', (_, other, code) => {
    expect(() => checkSignature(get, { ...terms, ...other })).toThrow(expect.objectContaining({ code }))
  })
})

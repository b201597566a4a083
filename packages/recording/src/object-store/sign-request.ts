import { AwsV4Signer } from 'aws4fetch'

/** An account's key for an object store. */
export interface StoreCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Of temporary credentials; null with lasting ones. */
  readonly sessionToken: string | null
}

/** A request before it is signed. `url` is encoded as it goes over the wire. */
export interface UnsignedRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** SHA-256 of the body, in hex. */
  readonly payloadHash: string
}

/** Signs requests by Signature Version 4: every header given, and the payload. */
export type SignRequest = (request: UnsignedRequest) => Promise<Headers>

/** Keys that were derived, one a day, are kept up to here. */
const DERIVED_KEYS_MAX = 8

export function requestSigner(options: {
  readonly credentials: () => Promise<StoreCredentials>
  readonly region: string
  /** Milliseconds since 1970. */
  readonly now: () => number
}): SignRequest {
  const derived = new Map<string, ArrayBuffer>()
  return async ({ method, url, headers, payloadHash }) => {
    const { accessKeyId, secretAccessKey, sessionToken } = await options.credentials()
    if (derived.size >= DERIVED_KEYS_MAX) derived.clear()
    const signer = new AwsV4Signer({
      method,
      url,
      headers: { ...headers, 'x-amz-content-sha256': payloadHash },
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === null ? {} : { sessionToken }),
      service: 's3',
      region: options.region,
      cache: derived,
      datetime: new Date(options.now()).toISOString().replace(/[:-]|\.\d{3}/g, ''),
      // The library leaves out `range` and others, for browsers that may change them on the way.
      allHeaders: true,
    })
    return (await signer.sign()).headers
  }
}

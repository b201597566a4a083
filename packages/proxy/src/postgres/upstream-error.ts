/** Why the database can't be had. The message is for the client's error too, so it names no address and no secret. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError'
  readonly code: 'UNREACHABLE' | 'TLS' | 'VERSION' | 'AUTHENTICATION' | 'PROTOCOL' | 'REFUSED' | 'SETTINGS'

  constructor(code: UpstreamError['code'], message: string) {
    super(message)
    this.code = code
  }
}

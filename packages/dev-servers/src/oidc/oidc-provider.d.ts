// As much of oidc-provider's interface as is used here; the package has no declarations of its own.
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http'

  export interface Context {
    get(header: string): string
    readonly oidc: {
      readonly provider: Provider
      readonly client: { readonly clientId: string }
      readonly params: { readonly resource?: unknown }
      readonly session: { readonly accountId: string }
    }
  }
  export interface Token {
    readonly clientId: string
    readonly accountId?: string
  }
  export interface Grant {
    addOIDCScope(scope: string): void
    addResourceScope(resource: string, scope: string): void
    save(): Promise<string>
  }
  export class Provider {
    constructor(issuer: string, configuration: Readonly<Record<string, unknown>>)
    readonly Grant: new (of: {
      readonly accountId: string
      readonly clientId: string
    }) => Grant
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>
    on(event: 'server_error', listener: (context: unknown, error: Error) => void): void
    interactionDetails(
      request: IncomingMessage,
      response: ServerResponse,
    ): Promise<{ readonly params: { readonly login_hint?: unknown } }>
    interactionFinished(
      request: IncomingMessage,
      response: ServerResponse,
      result: { readonly login: { readonly accountId: string }; readonly consent: Readonly<Record<string, never>> },
    ): Promise<void>
  }
}

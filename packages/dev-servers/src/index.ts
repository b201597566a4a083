export { type CertificateAndKey, type Certificates, makeCertificates } from './certificates.ts'
export type { OidcClient, TokenTerms } from './oidc/provider-configuration.ts'
export {
  SIGNING_ALGORITHMS,
  type SignedContent,
  type SigningAlgorithm,
  type SigningHeader,
} from './oidc/signing-keys.ts'
export {
  type JwksMode,
  type OidcProviderOptions,
  type OidcServer,
  type SignedIn,
  startOidcProvider,
  type TokenRequest,
} from './oidc/start-oidc-provider.ts'
export { POSTGRES_MAJORS, type PostgresMajor } from './postgres/binaries.ts'
export { type PostgresOptions, type PostgresServer, startPostgres } from './postgres/start-postgres.ts'
export { ServerError, type ServerErrorCode } from './server-error.ts'

export { type CertificateAndKey, type Certificates, makeCertificates } from './certificates.ts'
export { checkSignature, headersOf, type RawRequest, type SigningTerms, sign } from './object-store/check-signature.ts'
export type { Fault, FaultKind } from './object-store/faults.ts'
export type { Operation } from './object-store/operations.ts'
export { S3Error } from './object-store/s3-error.ts'
export {
  type ObjectStoreOptions,
  type ObjectStoreServer,
  startObjectStore,
} from './object-store/start-object-store.ts'
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
export { startWitness, type WitnessMode, type WitnessOptions, type WitnessServer } from './witness/start-witness.ts'

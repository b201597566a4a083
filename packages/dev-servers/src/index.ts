export { type CertificateAndKey, type Certificates, makeCertificates } from './certificates.ts'
export { POSTGRES_MAJORS, type PostgresMajor } from './postgres/binaries.ts'
export { type PostgresOptions, type PostgresServer, startPostgres } from './postgres/start-postgres.ts'
export { ServerError, type ServerErrorCode } from './server-error.ts'

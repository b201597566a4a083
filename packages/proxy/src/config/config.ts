import type { Algorithm } from '@querywarden/identity'
import type { SecretRef } from '@querywarden/policy-core'
import type { LogLevel } from '../log-level.ts'
import type { LockConfig, RetentionConfig, S3Config, UploadConfig } from './s3-document.ts'
import type { StreamConfig } from './stream.ts'

/** A host and port to listen on or to connect to. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** PEM files. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
}

/** What the listener for database clients serves TLS with. */
export interface ListenerTls extends TlsFiles {
  readonly clientCertificates: ClientCertificates
}

/** Whether clients show a certificate of their own, signed by an authority in the PEM file `ca`. The token is needed all the same. */
export type ClientCertificates =
  | { readonly kind: 'off' }
  | { readonly kind: 'optional'; readonly ca: string }
  | { readonly kind: 'required'; readonly ca: string }

export type IdentityConfig =
  | {
      readonly kind: 'oidc'
      readonly issuer: string
      readonly audience: string
      readonly algorithms: readonly Algorithm[]
      readonly tokenType: 'access' | 'id'
      readonly groupsClaim: string
      /** Names of claims that rules may ask for. */
      readonly keptClaims: readonly string[]
      readonly authorizedParties: readonly string[] | null
      readonly lifetimeMaxMs: number
    }
  | { readonly kind: 'static'; readonly tokens: readonly StaticTokenConfig[] }

export interface StaticTokenConfig {
  readonly token: SecretRef
  readonly subject: string
  readonly groups: readonly string[]
}

/** How the gateway speaks TLS to a database. */
export type UpstreamTls =
  | { readonly mode: 'off' }
  /** Certificate chain and host name are checked. `ca` is a PEM file; null means the roots that Node trusts. */
  | { readonly mode: 'verify-full'; readonly ca: string | null }

/** How a database may ask for the gateway's password. PLUS binds the login to the database's certificate. */
export type LoginMethod = 'scram-sha-256' | 'scram-sha-256-plus'

/** How a database is reached. */
export interface ReachedTarget {
  readonly name: string
  readonly dialect: 'postgres'
  readonly address: Address
  readonly user: string
  readonly database: string
  readonly password: SecretRef | null
  readonly tls: UpstreamTls
  /** What else the database asks for is refused. */
  readonly loginMethods: readonly LoginMethod[]
  readonly searchPath: readonly string[]
}

export interface TargetConfig extends ReachedTarget {
  readonly canaries: readonly CanaryConfig[]
}

/** A value that was put into the database for nobody to see. */
export interface CanaryConfig {
  readonly name: string
  readonly value: SecretRef
}

export interface RecordingConfig {
  readonly dir: string
  /** 32 bytes in hex; a key file is made beside the recordings where null. */
  readonly key: SecretRef | null
  readonly durability: 'standard' | 'strict'
  readonly bytesPerSessionMax: number
  /** Null where nothing is signed. */
  readonly checkpoints: CheckpointsConfig | null
  /** Null where recordings stay here. */
  readonly upload: UploadConfig | null
  /** Null where none is ever removed. */
  readonly retention: RetentionConfig | null
  /** Servers that are told of what is recorded, without values. */
  readonly stream: readonly StreamConfig[]
}

/** How recordings are vouched for outside. */
export interface CheckpointsConfig {
  /** What the signer goes by in checkpoints; null where its key says so. */
  readonly name: string | null
  readonly signer: SignerConfig
  readonly everyMs: number
  /** How long an anchor may be behind before no session opens and no statement begins. */
  readonly graceMs: number
  readonly anchors: readonly AnchorConfig[]
}

export type SignerConfig =
  /** PKCS #8 PEM. */
  | { readonly kind: 'key'; readonly key: SecretRef }
  | {
      readonly kind: 'command'
      readonly command: readonly string[]
      readonly verifierKey: string
      readonly timeMsMax: number
    }

export type AnchorConfig =
  | { readonly kind: 'folder'; readonly dir: string }
  | { readonly kind: 'witness'; readonly url: string; readonly verifierKey: string }
  | { readonly kind: 's3'; readonly s3: S3Config; readonly lock: LockConfig | null }

/** `querywarden.yaml`, validated; file names made absolute. */
export interface Config {
  readonly file: string
  readonly listen: {
    readonly postgres: Address & { readonly tls: ListenerTls | null }
    readonly admin: Address
    /** A listener for health and metrics alone, without tokens; null where only the admin API tells, to this host. */
    readonly metrics: Address | null
  }
  readonly identity: readonly IdentityConfig[]
  readonly targets: readonly TargetConfig[]
  readonly policyFile: string
  readonly masking: { readonly hashKey: SecretRef | null }
  readonly recording: RecordingConfig
  readonly limits: ProxyLimits
  readonly log: { readonly level: LogLevel }
  /** How many processes serve clients. */
  readonly workers: number
}

export interface ProxyLimits {
  readonly sessionsMax: number
  /** Of one identity, by issuer and subject. */
  readonly sessionsPerIdentityMax: number
  readonly loginMsMax: number
  /** Logins that one address may fail in a minute. */
  readonly failedLoginsPerMinuteMax: number
  /** Cancel requests that one address may get wrong in a minute. */
  readonly failedCancelsPerMinuteMax: number
  /** How long a session may do nothing. */
  readonly idleMsMax: number
  /** How long a session may be, whatever it does. */
  readonly sessionMsMax: number
  /** How long what runs may go on once the gateway is told to stop. */
  readonly drainMsMax: number
  readonly frameBytesMax: number
  readonly approvalsPendingMax: number
  readonly catalogMaxAgeMs: number
  /** How long a comparison of the schema with what is known of it is good for. */
  readonly catalogProbeMs: number
  /** How late the event loop may be before new sessions are turned away, in milliseconds. */
  readonly lagMsMax: number
  /** How long reading one statement's text may take, in milliseconds. */
  readonly readMsMax: number
  /** Threads that read long texts, in each process. */
  readonly readingThreadsMax: number
  /** Of all processes together; null means what this machine or container gives. */
  readonly memoryBytesMax: number | null
}

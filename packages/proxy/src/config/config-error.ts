/** What is wrong with a configuration, with where. The message is for the operator; it never holds a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code: 'INVALID' | 'UNREADABLE' | 'SECRET_MISSING' | 'UNSAFE'

  constructor(code: ConfigError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** The small world that arbitraries draw from: small, so that rules, people and statements meet often. */
export const WORLD = {
  issuers: ['https://idp.example.com', 'https://other.example.com'],
  subjects: ['ada', 'bob', 'reporting-agent'],
  groups: ['ai-agents', 'dba', 'pii-readers'],
  targets: ['app', 'warehouse'],
  schemas: ['public', 'hr'],
  relations: ['customers', 'orders', 'v_customers', 'Odd.Name'],
  columns: ['id', 'email', 'ssn', 'note'],
  tags: ['SELECT', 'UPDATE', 'DROP TABLE', 'MERGE', 'EXPLAIN', 'COPY'],
  claims: ['department', 'toString', 'verified'],
  claimValues: ['finance', 'true', '1', true, 1],
  zones: ['UTC', 'Europe/Berlin', 'Australia/Lord_Howe'],
  functions: ['pg_catalog.now', 'pg_catalog.pg_sleep', 'public.charge', 'charge'],
} as const

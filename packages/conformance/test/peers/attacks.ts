/** A way past a gateway that worked somewhere else. */
export interface PeerAttack {
  /** What failed, and in what kind of product. */
  readonly failure: string
  /** One text, or several in one session. */
  readonly sql: string | readonly string[]
  /** `write`: on the bare server something changes. `leak`: on the bare server what is masked arrives. */
  readonly gets: 'write' | 'leak'
  /** It has to be sent so; both ways where it isn't said. */
  readonly protocol?: 'simple' | 'extended'
}

const write = (failure: string, sql: PeerAttack['sql'], protocol?: 'simple' | 'extended'): PeerAttack => ({
  failure,
  sql,
  gets: 'write',
  ...(protocol === undefined ? {} : { protocol }),
})
const leak = (failure: string, sql: PeerAttack['sql']): PeerAttack => ({ failure, sql, gets: 'leak' })

/** Scanners that read SQL otherwise than the server does. */
export const SCANNERS: readonly PeerAttack[] = [
  write(
    'a $ inside an identifier taken for a quote',
    'SELECT 1 AS a$b$; DELETE FROM settings; SELECT 1 AS c$b$',
    'simple',
  ),
  write(
    'a $ behind a parameter or name taken for a quote',
    'SELECT 1 AS x$$; DELETE FROM settings; SELECT 2 AS y$$',
    'simple',
  ),
  write(
    'a dollar tag with letters that the scanner does not know',
    'SELECT $é$ $é$; DELETE FROM settings; SELECT $é$ $é$',
    'simple',
  ),
  write(
    'a dollar tag that only looks like the closing one',
    'SELECT $a$ $A$ $a$; DELETE FROM settings; SELECT $a$ $a$',
    'simple',
  ),
  write('a comment that a carriage return ends', 'SELECT 1 -- x\r; DELETE FROM settings', 'simple'),
  write('a statement behind a comment that a carriage return ends', '-- SELECT 1\rDELETE FROM settings'),
  write('nested comments counted wrongly', '/* /* */ SELECT 1; */ DELETE FROM settings'),
  write('a comment of another dialect', 'SELECT 1 /*! */; DELETE FROM settings', 'simple'),
  write('a backslash taken for an escape', "SELECT '\\'; DELETE FROM settings; --'", 'simple'),
  write('a backslash not taken for an escape', "SELECT E'\\\\'; DELETE FROM settings; --'", 'simple'),
  write(
    'AS MATERIALIZED between the name and the DELETE',
    'WITH x AS MATERIALIZED (DELETE FROM settings RETURNING *) SELECT * FROM x',
  ),
  write(
    'AS NOT MATERIALIZED, and a comment in the middle',
    'WITH x AS NOT/**/MATERIALIZED(DELETE FROM settings RETURNING 1) SELECT 1',
  ),
  write('a DELETE in a WITH that nobody reads', 'WITH x AS (DELETE FROM settings) SELECT 1'),
  write(
    'a DELETE behind a read in WITH',
    'WITH a AS (SELECT 1), b AS (DELETE FROM settings RETURNING *) SELECT * FROM a',
    'simple',
  ),
  write('the first word is a bracket', '(WITH x AS (DELETE FROM settings RETURNING *) SELECT * FROM x)'),
  write('the first word is behind a comment', '/* reporting */ DELETE FROM settings'),
  leak('the second table of a comma join', 'SELECT * FROM settings, customers'),
  leak('a table of a join in brackets', 'SELECT * FROM (settings JOIN customers ON true)'),
  leak('a name in U&"…"', 'SELECT U&"s\\0073n" FROM customers'),
  leak('a relation in U&"…" with its own escape', 'SELECT * FROM U&"c!0075stomers" UESCAPE \'!\''),
  leak('a name folded or quoted', 'SELECT SSN, "email" FROM public."customers"'),
]

/** Guards that look at the first statement, the first word, or part of the tree. */
export const GUARDS: readonly PeerAttack[] = [
  write(
    'only the first statement of a batch is looked at',
    'SELECT 1; UPDATE settings SET v = 1::text; DELETE FROM settings',
    'simple',
  ),
  write('COMMIT ends the read-only wrapper', ['BEGIN READ ONLY', 'COMMIT; DELETE FROM settings'], 'simple'),
  write(
    'SET TRANSACTION READ WRITE lifts the read-only wrapper',
    ['BEGIN READ ONLY', 'SET TRANSACTION READ WRITE', 'DELETE FROM settings', 'COMMIT'],
    'simple',
  ),
  write(
    'default_transaction_read_only is switched off',
    ['SET default_transaction_read_only = off', 'DELETE FROM settings'],
    'simple',
  ),
  write(
    'set_config in a read switches it off',
    ["SELECT set_config('transaction_read_only', 'off', false)", 'DELETE FROM settings'],
    'simple',
  ),
  write('EXPLAIN ANALYZE of a write', 'EXPLAIN ANALYZE DELETE FROM settings'),
  write('EXPLAIN with ANALYZE in its options', 'EXPLAIN (COSTS off, ANALYZE) DELETE FROM settings'),
  write('SELECT INTO makes a table', 'SELECT * INTO scratch.copy FROM orders'),
  write('CREATE TABLE AS makes a table', 'CREATE TABLE scratch.copy AS SELECT 1'),
  write('a function that writes', 'SELECT wipe_settings()'),
  write('a function that writes, in VALUES', 'VALUES (wipe_settings())'),
  write('a function that writes, in FROM', 'SELECT * FROM purge_cancelled() AS p'),
  write('a function that writes, in a row of VALUES in FROM', 'SELECT * FROM (VALUES (purge_cancelled())) AS v'),
  write('a function that writes, in ORDER BY', 'SELECT 1 ORDER BY purge_cancelled()'),
  write('an operator that writes', "SELECT 'SKU-MUG' OPERATOR(public.+!) 1"),
  write('the body of a DO', 'DO $$ BEGIN DELETE FROM settings; END $$'),
  write('a CALL', "CALL close_orders('new')"),
  write('PREPARE and EXECUTE', ['PREPARE p AS DELETE FROM settings', 'EXECUTE p'], 'simple'),
  write('SQL in a string: query_to_xml', "SELECT query_to_xml('SELECT wipe_settings()', true, false, '')"),
  write('SQL in a string: a function of the database', "SELECT run_sql('DELETE FROM settings')"),
  write('nextval in a read', "SELECT nextval('invoice_no')"),
  write('a large object in a read', "SELECT lo_from_bytea(0, 'x')"),
  write('a rule that rewrites an insert into a delete', 'INSERT INTO ping VALUES (1)'),
  write('WHERE true passes for a WHERE', 'DELETE FROM settings WHERE true'),
  write(
    'a name that another search path leads elsewhere',
    ['SET search_path = scratch', 'CREATE TABLE t (a int)'],
    'simple',
  ),
  write(
    'a temporary table that stands in for a real one',
    ['CREATE TEMP TABLE settings (k text)', 'SELECT * FROM settings'],
    'simple',
  ),
]

/** Masks that follow labels, positions or the text of a query. */
export const MASKERS: readonly PeerAttack[] = [
  leak('an alias', 'SELECT ssn AS remark FROM customers'),
  leak(
    'the columns of a.*, b.* counted wrongly',
    'SELECT o.*, c.* FROM orders o JOIN customers c ON c.id = o.customer_id',
  ),
  leak(
    'a lateral that unpacks a document',
    'SELECT v FROM customers c, LATERAL jsonb_each_text(to_jsonb(c)) AS e (k, v)',
  ),
  leak('unnest', 'SELECT u FROM customers, unnest(ARRAY[ssn]) AS u'),
  leak(
    'nested scopes of WITH',
    'WITH a AS (SELECT ssn FROM customers) SELECT (WITH a AS (SELECT ssn AS s FROM a) SELECT max(s) FROM a)',
  ),
  leak('a whole row as text', 'SELECT c::text FROM customers c'),
  leak('a column called like a function', 'SELECT ssn(c) FROM customers c'),
  leak('the arms of a UNION', 'SELECT k FROM settings UNION ALL SELECT ssn FROM customers'),
  leak('a subquery in the select list', 'SELECT (SELECT max(ssn) FROM customers)'),
  leak('a function over the column', "SELECT upper(ssn), concat(email, '') FROM customers"),
  leak('a lower-case using', 'select ssn from customers join customers b using (ssn)'),
  leak('schema.table.*', 'SELECT public.customers.* FROM public.customers'),
  leak('a view over the table', 'SELECT code FROM v_directory'),
  leak('a materialized view over the table', 'SELECT gov_id FROM analytics.mv_directory'),
  leak('a number that is no string', 'SELECT salary FROM hr.employees'),
  leak('the text of an error: a cast', 'SELECT ssn::int FROM customers'),
  leak('the text of an error: a cast in WHERE', 'SELECT 1 FROM customers WHERE ssn::int = 1'),
  leak(
    'the text of a constraint’s error',
    'INSERT INTO customers (id, name, email, ssn) SELECT 99, name, email, ssn FROM customers WHERE id = 1',
  ),
  leak('COPY of a query', 'COPY (SELECT ssn FROM customers) TO STDOUT'),
  leak('COPY of a table', 'COPY customers TO STDOUT'),
  leak('a cursor', ['BEGIN', 'DECLARE c CURSOR FOR SELECT ssn FROM customers', 'FETCH ALL FROM c', 'COMMIT']),
  leak('statistics', "SELECT histogram_bounds FROM pg_stats WHERE attname = 'ssn'"),
  leak('a function that reads the column', 'SELECT find_ref(1)'),
  leak('a setting as a hiding place', [
    "SELECT set_config('x.y', (SELECT max(ssn) FROM customers), false)",
    "SELECT current_setting('x.y')",
  ]),
  leak('SQL in a string', "SELECT query_to_xml('SELECT ssn FROM customers', true, false, '')"),
  leak('RETURNING', 'UPDATE customers SET name = name RETURNING ssn'),
  leak('what a copy of the rows is called', [
    'CREATE TABLE scratch.c AS SELECT ssn FROM customers',
    'SELECT * FROM scratch.c',
  ]),
]

/** What blunt guards refuse, until somebody switches them off: each must pass, and give its rows. */
export const BLUNT: readonly (readonly [string, string])[] = [
  ['a keyword in a string', "SELECT 'DROP TABLE orders; DELETE FROM customers' AS note"],
  ['a keyword in a comment', 'SELECT id /* update later; delete this */ FROM orders -- drop'],
  ['a keyword as a label', 'SELECT status AS "delete", total AS "update" FROM orders'],
  ['an ordered-set aggregate', 'SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total) FROM orders'],
  ['a type of an extension, and its operators', "SELECT sku::citext = 'sku-mug', 'a=>1'::hstore -> 'a' FROM products"],
  ['a semicolon in a string', "SELECT ';' AS separator"],
  ['a dollar sign in a string and a dollar quote', "SELECT '$$' AS a, $x$ ; $x$ AS b"],
  ['an escape string', "SELECT E'it\\'s' AS text"],
  ['a join with brackets and commas', 'SELECT o.id FROM (orders o JOIN order_items i ON i.order_id = o.id), settings'],
  ['WITH, recursive', 'WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT * FROM n'],
  ['AS MATERIALIZED of a read', 'WITH x AS MATERIALIZED (SELECT id FROM orders) SELECT count(*) FROM x'],
  ['EXPLAIN of a read', 'EXPLAIN SELECT id FROM orders'],
  ['a name in U&"…"', 'SELECT U&"\\0069d" FROM orders'],
  ['a window', 'SELECT id, row_number() OVER (PARTITION BY status ORDER BY total) FROM orders'],
  ['a semicolon at the end', 'SELECT id FROM orders;'],
  ['a column named like a masked one, of no masked table', 'SELECT 1 AS ssn, 2 AS email'],
]

//! Statements against a real PostgreSQL, on a socket and over TLS.

use std::time::{Duration, Instant};

use coalmine::base::secret::Secret;
use coalmine::io::metrics::postgres::{Parameters, ask, may_write, samples};
use coalmine::io::metrics::{Answer, Failure};
use coalmine::model::measurement::Counts;

use super::servers::{PASSWORD, Server};
use super::{PATIENCE, run};

const SCHEMA: &str = "
    CREATE TABLE results (bundle text, passed boolean, at timestamptz);
    INSERT INTO results SELECT 'c1', i <> 7, '2026-01-01 10:00Z'::timestamptz + i * interval '1 minute' FROM generate_series(0, 9) i;
    INSERT INTO results SELECT 's1', i <> 7, '2026-01-01 10:00Z'::timestamptz + i * interval '1 second' FROM generate_series(0, 99) i;
    CREATE TABLE cases (workflow_state jsonb, at timestamp);
    INSERT INTO cases VALUES ('{\"forwarded\": 1}', '2026-01-01 10:00'), ('{\"kept\": 1}', '2026-01-01 10:00'), ('{\"forwarded\": 1}', '2026-01-01 14:00');
    CREATE FUNCTION sneak() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN INSERT INTO results VALUES ('x', true, now()); RETURN 1; END $$;
    CREATE ROLE reader LOGIN PASSWORD 'reader';
    GRANT SELECT ON results, cases TO reader;
";

fn parameters() -> Parameters<'static> {
    Parameters {
        start: "2026-01-01T10:00:00Z".parse().unwrap(),
        end: "2026-01-01T10:05:00Z".parse().unwrap(),
        canary: "c1",
        stable: "s1",
    }
}

fn counts(good: u64, total: u64) -> Counts {
    Counts { good, total }
}

struct Database {
    server: Server,
    dsn: Secret,
}

impl Database {
    fn start() -> Option<Self> {
        let key = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let server = Server::postgres((&key.cert.pem(), &key.signing_key.serialize_pem()))?;
        std::fs::write(server.folder().join("ca.crt"), key.cert.pem()).unwrap();
        server.sql(SCHEMA);
        let dsn = dsn(&server, "owner", PASSWORD, "");
        Some(Self { server, dsn })
    }

    fn ask(&self, sql: &str) -> Result<Answer, Failure> {
        run(ask(&self.dsn, sql, parameters(), PATIENCE))
    }

    fn over_tcp(&self, options: &str) -> Result<Answer, Failure> {
        let dsn = format!("postgresql://reader:reader@127.0.0.1:{}/postgres{options}", self.server.port);
        let sql = "SELECT count(*) FROM pg_stat_ssl WHERE ssl AND pid = pg_backend_pid()";
        run(ask(&Secret::new(dsn), sql, parameters(), PATIENCE))
    }
}

/// As SQLAlchemy writes it, on the socket.
fn dsn(server: &Server, user: &str, password: &str, more: &str) -> Secret {
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let folder = encode(&server.folder().to_string_lossy());
    let (password, port) = (encode(password), server.port);
    Secret::new(format!(
        "postgresql+asyncpg://{user}:{password}@/postgres?host={folder}&port={port}&prepared_statement_cache_size=0{more}"
    ))
}

#[test]
fn postgres_counts_what_a_statement_asks_for() {
    let Some(database) = Database::start() else { return };
    counts_and_numbers(&database);
    refuses_to_write(&database);
    fails_without_a_breach(&database);
    is_encrypted(&database);
}

fn counts_and_numbers(database: &Database) {
    let answer = |sql: &str| database.ask(sql).unwrap_or_else(|failure| panic!("{sql}: {failure}"));
    let interval = "at >= $1 AND at < $2";
    assert_eq!(
        answer(&format!(
            "SELECT count(*) FILTER (WHERE passed) AS good, count(*) AS total FROM results WHERE {interval} -- all"
        )),
        Answer::Counts(counts(104, 105))
    );
    assert_eq!(
        answer(&format!(
            "SELECT bundle AS arm, count(*) FILTER (WHERE passed) AS good, count(*) AS total FROM results \
             WHERE bundle IN ($3, $4) AND {interval} GROUP BY bundle"
        )),
        Answer::Arms { canary: counts(5, 5), stable: counts(99, 100) }
    );
    assert_eq!(
        answer("SELECT 'canary' AS arm, 0 AS bad, 3 AS total"),
        Answer::Arms { canary: counts(3, 3), stable: counts(0, 0) }
    );
    // The column has no time zone and the server's own is not UTC: only UTC finds the case at ten.
    assert_eq!(
        answer(&format!("SELECT count(*) FROM cases WHERE workflow_state ? 'forwarded' AND {interval}")),
        Answer::Number(1.0)
    );
    assert_eq!(answer("SELECT avg(x) FROM (VALUES (1), (2)) AS v(x) ; "), Answer::Number(1.5));
    assert_eq!(answer("WITH n AS (SELECT 0.25::numeric AS x) SELECT x FROM n"), Answer::Number(0.25));
    assert_eq!(answer("SELECT count(*) FROM pg_prepared_statements"), Answer::Number(0.0));
    let rows = run(samples(&database.dsn, "SELECT bundle, at FROM results", parameters(), PATIENCE)).unwrap();
    assert_eq!(rows.len(), 50);
    assert_eq!(rows[0]["bundle"], "c1");
}

fn refuses_to_write(database: &Database) {
    for sql in [
        "SELECT sneak()",
        "SELECT set_config('transaction_read_only', 'off', true)",
        "WITH gone AS (DELETE FROM results RETURNING 1) SELECT count(*) FROM gone",
        "SELECT 1) AS q; DELETE FROM results; SELECT * FROM (SELECT 1",
    ] {
        let answer = database.ask(sql);
        assert!(matches!(answer, Err(Failure::Failed(_))), "{sql}: {answer:?}");
    }
    assert_eq!(database.ask("SELECT count(*) FROM results"), Ok(Answer::Number(110.0)));
    let reader = dsn(&database.server, "reader", "reader", "");
    assert_eq!(run(may_write(&database.dsn, PATIENCE)), Ok(true));
    assert_eq!(run(may_write(&reader, PATIENCE)), Ok(false));
}

#[expect(clippy::disallowed_methods, reason = "a test measures how long a statement may run")]
fn fails_without_a_breach(database: &Database) {
    for (sql, no_data) in [
        ("SELECT 1 WHERE false", true),
        ("SELECT sum(1) FROM results WHERE false", true),
        ("SELECT 'NaN'::float8", true),
        ("SELECT 1 AS a FROM results", false),
        ("SELECT 1 AS a, 2 AS b", false),
        ("SELECT 'other' AS arm, 1 AS good, 1 AS total", false),
        ("SELECT 'canary' AS arm, 1 AS good, 1 AS total UNION ALL SELECT 'c1', 1, 1", false),
        ("SELEC 1", false),
    ] {
        match database.ask(sql) {
            Err(Failure::NoData(_)) if no_data => {}
            Err(Failure::Failed(_)) if !no_data => {}
            other => panic!("{sql}: {other:?}"),
        }
    }
    let begun = Instant::now();
    let slow = run(ask(&database.dsn, "SELECT pg_sleep(30)", parameters(), Duration::from_millis(500)));
    assert!(matches!(slow, Err(Failure::Failed(_))), "{slow:?}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    let wrong = dsn(&database.server, "owner", "an0ther-secret", "");
    let refused = run(ask(&wrong, "SELECT 1", parameters(), PATIENCE)).unwrap_err().to_string();
    assert!(refused.contains("password authentication failed"), "{refused}");
    assert!(!refused.contains("an0ther-secret"), "{refused}");
}

fn is_encrypted(database: &Database) {
    let root = format!("&sslrootcert={}", database.server.folder().join("ca.crt").display());
    assert_eq!(database.over_tcp(&format!("?sslmode=require{root}")), Ok(Answer::Number(1.0)));
    assert_eq!(database.over_tcp("?sslmode=disable"), Ok(Answer::Number(0.0)));
    let stranger = database.over_tcp("?ssl=require");
    assert!(matches!(stranger, Err(Failure::Failed(_))), "{stranger:?}");
}

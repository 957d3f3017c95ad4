//! A PostgreSQL database as a source. Each statement is a subquery in a READ ONLY transaction with a timeout, a bound on
//! its rows, and UTC. Statements are unnamed and their parameters typed, so that PgBouncer may give each transaction
//! another connection.

mod dsn;
mod tls;

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use self::tls::Tls;
use super::answer::{self, Answer, Failure};
use crate::base::secret::Secret;
use crate::base::{duration, text};
use crate::model::measurement::Counts;

/// The rows of an answer: two arms, and one more to see that there are too many.
const ROWS: u32 = 3;
/// The failing rows that are kept as samples.
const SAMPLE_ROWS: u32 = 50;

/// What is bound to `$1` to `$4`.
#[derive(Clone, Copy, Debug)]
pub struct Parameters<'a> {
    /// `$1`, `timestamptz`: the first moment.
    pub start: Timestamp,
    /// `$2`, `timestamptz`: the first moment after it.
    pub end: Timestamp,
    /// `$3`, `text`.
    pub canary: &'a str,
    /// `$4`, `text`.
    pub stable: &'a str,
}

/// Asks for counts or a number: one row with `good` or `bad` and `total`, one row per `arm`, or one number.
///
/// # Errors
/// No connection, no answer within `timeout`, an error of the database, or rows of another form.
pub async fn ask(
    dsn: &Secret,
    sql: &str,
    parameters: Parameters<'_>,
    timeout: Duration,
) -> Result<Answer, Failure> {
    let rows = within(timeout, query(dsn, sql, parameters, ROWS, timeout)).await?;
    read(rows, parameters)
}

/// Asks for failing rows, each as a JSON object; at most 50.
///
/// # Errors
/// As [`ask`].
pub async fn samples(
    dsn: &Secret,
    sql: &str,
    parameters: Parameters<'_>,
    timeout: Duration,
) -> Result<Vec<Value>, Failure> {
    within(timeout, query(dsn, sql, parameters, SAMPLE_ROWS, timeout)).await
}

/// Whether the role may write to any table of its database. It should not: a soak only reads.
///
/// # Errors
/// As [`ask`].
pub async fn may_write(dsn: &Secret, timeout: Duration) -> Result<bool, Failure> {
    const SQL: &str = "SELECT count(*) AS n FROM pg_catalog.pg_class AS t \
        WHERE t.relkind IN ('r', 'p') AND t.relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema') \
        AND has_table_privilege(t.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')";
    let unbound =
        Parameters { start: Timestamp::UNIX_EPOCH, end: Timestamp::UNIX_EPOCH, canary: "", stable: "" };
    match ask(dsn, SQL, unbound, timeout).await? {
        Answer::Number(tables) => Ok(tables > 0.0),
        _ => Err(Failure::Failed("failed to ask for the role's rights".to_owned())),
    }
}

/// The password in a connection string, to be kept out of what is told.
pub(super) fn password(dsn: &Secret) -> Option<Secret> {
    let config = dsn::read(dsn.expose())?.config;
    Some(Secret::new(String::from_utf8_lossy(config.get_password()?)))
}

async fn within<T>(timeout: Duration, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let late = |_| Failure::of(WHAT, format!("not done within {}", duration::show(timeout)));
    tokio::time::timeout(timeout, work).await.map_err(late)?
}

const WHAT: &str = "query the database";

async fn query(
    dsn: &Secret,
    sql: &str,
    parameters: Parameters<'_>,
    most: u32,
    timeout: Duration,
) -> Result<Vec<Value>, Failure> {
    let session = Session::open(dsn).await?;
    let client = &session.client;
    let begin = format!(
        "BEGIN READ ONLY; SET LOCAL TIME ZONE 'UTC'; SET LOCAL statement_timeout = {}",
        timeout.as_millis().max(1)
    );
    client.batch_execute(&begin).await.map_err(|e| told(&e))?;
    // On lines of its own, so that a comment at its end does not reach further.
    let sql = sql.trim().trim_end_matches(';');
    let wrapped = format!("SELECT pg_catalog.row_to_json(q)::text FROM (\n{sql}\n) AS q LIMIT {most}");
    let bound: [(&(dyn ToSql + Sync), Type); 4] = [
        (&parameters.start, Type::TIMESTAMPTZ),
        (&parameters.end, Type::TIMESTAMPTZ),
        (&parameters.canary, Type::TEXT),
        (&parameters.stable, Type::TEXT),
    ];
    let rows = client.query_typed(&wrapped, &bound).await.map_err(|e| told(&e))?;
    client.batch_execute("ROLLBACK").await.map_err(|e| told(&e))?;
    rows.iter()
        .map(|row| {
            let row: &str = row.try_get(0).map_err(|e| told(&e))?;
            serde_json::from_str(row).map_err(|e| Failure::of(WHAT, e))
        })
        .collect()
}

/// A connection; closed when dropped.
struct Session {
    client: Client,
    driver: JoinHandle<()>,
}

impl Session {
    async fn open(dsn: &Secret) -> Result<Self, Failure> {
        let what = "connect to the database";
        let mut dsn = dsn::read(dsn.expose()).ok_or_else(|| {
            Failure::of(what, "its connection string cannot be read (not shown: it holds a secret)")
        })?;
        if dsn.config.get_application_name().is_none() {
            dsn.config.application_name("coalmine");
        }
        let tls = Tls::new(dsn.root.as_deref()).map_err(|e| Failure::of(what, e))?;
        let (client, connection) =
            dsn.config.connect(tls).await.map_err(|e| Failure::of(what, deepest(&e)))?;
        let driver = tokio::spawn(async move {
            // What breaks the connection is told by the question that waits for it.
            let _ = connection.await;
        });
        Ok(Self { client, driver })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

fn told(error: &tokio_postgres::Error) -> Failure {
    let found = match error.as_db_error() {
        Some(error) => {
            let hint = error.hint().map_or_else(String::new, |hint| format!(" ({hint})"));
            format!("{} [{}]{hint}", error.message(), error.code().code())
        }
        None => deepest(error),
    };
    Failure::of(WHAT, found)
}

fn deepest(error: &tokio_postgres::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

fn read(rows: Vec<Value>, parameters: Parameters<'_>) -> Result<Answer, Failure> {
    if rows.iter().any(|row| row.get("arm").is_some()) {
        return arms(&rows, parameters);
    }
    match <[Value; 1]>::try_from(rows) {
        Ok([row]) => answer::read(&row),
        Err(rows) if rows.is_empty() => Err(Failure::NoData("the statement gave no row".to_owned())),
        Err(_) => Err(Failure::of(WHAT, "expected one row, or one for each `arm`, found more")),
    }
}

/// A side without rows has no samples.
fn arms(rows: &[Value], parameters: Parameters<'_>) -> Result<Answer, Failure> {
    let (mut canary, mut stable) = (None, None);
    for row in rows {
        let name = row.get("arm").and_then(Value::as_str).unwrap_or_default();
        let arm = match name {
            "canary" => &mut canary,
            "stable" => &mut stable,
            name if name == parameters.canary => &mut canary,
            name if name == parameters.stable => &mut stable,
            other => {
                let shown = text::escape(other, 100);
                return Err(Failure::of(WHAT, format!("`arm` is `{shown}`, neither canary nor stable")));
            }
        };
        let counts = row.as_object().map(answer::counts).transpose()?.unwrap_or_default();
        if arm.replace(counts).is_some() {
            return Err(Failure::of(WHAT, "two rows for one `arm`"));
        }
    }
    let or_empty = |arm: Option<Counts>| arm.unwrap_or_default();
    Ok(Answer::Arms { canary: or_empty(canary), stable: or_empty(stable) })
}

//! The classes of PostgreSQL's errors: may the same statement succeed later, and does it need a new connection?
//!
//! Comments name [PostgreSQL's error codes](https://www.postgresql.org/docs/current/errcodes-appendix.html).

use std::io;

use sqlx::{
    Error,
    postgres::{PgDatabaseError, PgSeverity},
};

/// Returns true if the same statement may succeed later: the server may be unavailable, starting, full, refuse the user
/// or the database for now, or have cancelled this statement to resolve a deadlock.
pub fn is_unavailable(error: &Error) -> bool {
    match error {
        Error::Io(_)
        | Error::Tls(_)
        | Error::Protocol(_)
        | Error::PoolTimedOut
        | Error::PoolClosed
        | Error::WorkerCrashed => true,
        // Classes 08 connection, 25 transaction state (read-only standby), 40 rollback, 53 resources, 55 object not in
        // the prerequisite state, 57 operator, 58 system.
        _ => {
            is_refused(error)
                || is_of_class(error, &["08", "25", "40", "53", "55", "57", "58"])
                || has_ended_session(error)
        }
    }
}

/// Returns true if another transaction holds a lock for too long, or the statement was cancelled to resolve a deadlock.
/// The server itself works, and other statements are not affected.
pub fn is_contended(error: &Error) -> bool {
    // 55P03 lock not available (`lock_timeout`), 40P01 deadlock detected.
    is_of_class(error, &["55P03", "40P01"])
}

/// Returns true if the server refuses this user or database, which only an operator can change.
pub fn is_refused(error: &Error) -> bool {
    // Classes 28 invalid authorization, 3D invalid catalog name; 42501 insufficient privilege.
    is_of_class(error, &["28", "3D", "42501"])
}

/// Returns true if this connection, and every one at least as old, must not be used again: the server closed it or is
/// closing it, or it keeps an outdated setting or table plan.
pub fn is_stale(error: &Error) -> bool {
    match error {
        Error::Io(_) | Error::Tls(_) | Error::Protocol(_) | Error::WorkerCrashed => true,
        // Class 08 connection; 57P01 to 57P05 the server stops, crashed, starts, dropped the database, or ended an idle
        // session; 25006 read-only: a connection that was opened while the server was read-only stays read-only; 0A000
        // "cached plan must not change result type".
        _ => is_of_class(error, &["08", "57P01", "57P02", "57P03", "57P04", "57P05", "25006", "0A000"]),
    }
}

/// Runs a repeatable statement, and once more if its connection was stale, unless it timed out. The pool has to lend
/// another connection then: sqlx's replaces closed ones, but not those with an outdated setting or plan.
pub async fn retry_stale<T, F>(statement: impl Fn() -> F) -> sqlx::Result<T>
where
    F: Future<Output = sqlx::Result<T>>,
{
    match statement().await {
        // After a timeout the caller has waited long enough.
        Err(Error::Io(error)) if error.kind() == io::ErrorKind::TimedOut => Err(Error::Io(error)),
        Err(error) if is_stale(&error) => statement().await,
        outcome => outcome,
    }
}

/// Returns true if the server failed and ended the session, as at a connection that it cannot start while its disk is
/// full. An internal error of class XX that is not fatal concerns the statement.
fn has_ended_session(error: &Error) -> bool {
    let error = error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>());
    error.is_some_and(|error| error.code().starts_with("XX") && error.severity() == PgSeverity::Fatal)
}

fn is_of_class(error: &Error, classes: &[&str]) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| classes.iter().any(|class| code.starts_with(class)))
}

#[cfg(test)]
pub(crate) mod tests;

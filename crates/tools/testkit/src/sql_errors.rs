//! PostgreSQL errors by SQLSTATE, and how a consumer must classify them.

use std::{borrow::Cow, error::Error, fmt};

use platform::kafka::Failure;
use sqlx::error::{DatabaseError, ErrorKind};

/// Permanent SQLSTATEs: invalid data (class 22) or a violated constraint (class 23).
const PERMANENT: [&str; 7] = ["22001", "22003", "22P05", "23502", "23503", "23505", "23514"];

/// SQLSTATEs that are transient, or that an operator resolves: privileges, passwords, locks, disks, transaction ids,
/// schemas, bugs, unknown codes.
const TRANSIENT: [&str; 25] = [
    "08006", "0A000", "25006", "28000", "28P01", "3D000", "3F000", "40001", "40P01", "42501", "42601", "42703",
    "42883", "42P01", "53100", "53200", "53300", "54000", "55006", "55P03", "57014", "57P01", "58030", "99999",
    "XX000",
];

/// Returns sqlx's error for a statement that the server rejects with this SQLSTATE.
pub fn database_error(code: &'static str) -> sqlx::Error {
    sqlx::Error::Database(Box::new(Refused { code, constraint: None }))
}

/// Checks how a service classifies database errors: a permanent error makes a message poison, and every other one is
/// retried.
#[track_caller]
pub fn assert_only_the_permanent_is_poison(classify: impl Fn(sqlx::Error) -> Failure) {
    let is_poison = |error| matches!(classify(error), Failure::Poison(_));
    let kept: Vec<_> = PERMANENT.into_iter().filter(|code| !is_poison(database_error(code))).collect();
    let lost: Vec<_> = TRANSIENT.into_iter().filter(|code| is_poison(database_error(code))).collect();
    assert!(kept.is_empty(), "{kept:?} are permanent, and would be repeated for ever");
    assert!(lost.is_empty(), "{lost:?} may pass, and would send good events to the dead-letter topic");

    let too_long = Refused { code: "54000", constraint: Some("orders_of_customer") };
    assert!(is_poison(sqlx::Error::Database(Box::new(too_long))), "a value that is too long for an index is permanent");
    let undecodable = sqlx::Error::ColumnDecode { index: "status".to_owned(), source: "no such status".into() };
    assert!(is_poison(undecodable), "a row that cannot be decoded is permanent");
    for away in [sqlx::Error::PoolTimedOut, sqlx::Error::RowNotFound, sqlx::Error::ColumnNotFound("new".to_owned())] {
        let text = away.to_string();
        assert!(!is_poison(away), "may pass, and would send good events to the dead-letter topic: {text}");
    }
}

#[derive(Debug)]
struct Refused {
    code: &'static str,
    /// The constraint or index that the server names.
    constraint: Option<&'static str>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused with {}", self.code)
    }
}

impl Error for Refused {}

impl DatabaseError for Refused {
    fn message(&self) -> &str {
        self.code
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        Some(self.code.into())
    }

    fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
        self
    }

    fn constraint(&self) -> Option<&str> {
        self.constraint
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

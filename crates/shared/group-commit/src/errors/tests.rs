//! Tests of errors by their codes, and of the repetition of statements.

use std::{borrow::Cow, cell::Cell};

use sqlx::{
    Connection as _, PgConnection,
    error::{DatabaseError, ErrorKind},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;

/// PostgreSQL's error with this code.
#[derive(Debug, thiserror::Error)]
#[error("")]
struct Failure(&'static str);

impl DatabaseError for Failure {
    fn message(&self) -> &'static str {
        ""
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        Some(self.0.into())
    }

    fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

pub(crate) fn error_with_code(code: &'static str) -> Error {
    Error::Database(Box::new(Failure(code)))
}

#[test]
fn an_errors_code_says_whether_the_statement_may_succeed_later_and_on_which_connection() {
    // The code; whether the error is unavailable, contended, refused, stale.
    let cases = [
        ("08006", [true, false, false, true]),
        ("0A000", [false, false, false, true]),
        ("23505", [false, false, false, false]),
        ("25006", [true, false, false, true]),
        ("28P01", [true, false, true, false]),
        ("3D000", [true, false, true, false]),
        ("40001", [true, false, false, false]),
        ("40P01", [true, true, false, false]),
        ("42501", [true, false, true, false]),
        ("42P01", [false, false, false, false]),
        ("53300", [true, false, false, false]),
        ("55P03", [true, true, false, false]),
        ("57014", [true, false, false, false]),
        ("57P01", [true, false, false, true]),
    ];
    for (code, expected) in cases {
        let error = error_with_code(code);
        assert_eq!([is_unavailable, is_contended, is_refused, is_stale].map(|is| is(&error)), expected, "{code}");
    }
}

/// Connects to a server that ends the session at its start with this error.
async fn connect(severity: &str, code: &str) -> Error {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://user@{}/shop?sslmode=disable", server.local_addr().unwrap());
    let fields = format!("S{severity}\0V{severity}\0C{code}\0Mcould not write init file\0\0");
    let length = u32::try_from(4 + fields.len()).unwrap().to_be_bytes();
    let answer = [b"E", &length[..], fields.as_bytes()].concat();
    let serve = async {
        let (mut session, _) = server.accept().await.unwrap();
        // The client's first message, whose length includes the length itself.
        let length = session.read_u32().await.unwrap() as usize;
        session.read_exact(&mut vec![0; length - 4]).await.unwrap();
        session.write_all(&answer).await.unwrap();
    };
    let ((), outcome) = tokio::join!(serve, PgConnection::connect(&url));
    outcome.unwrap_err()
}

#[tokio::test]
async fn a_session_that_the_server_cannot_start_may_start_later_unless_the_client_asks_for_the_impossible() {
    // XX000: a full disk, on which PostgreSQL cannot write the file with its catalogue. 42704: an unknown setting.
    for (severity, code, expected) in [("FATAL", "XX000", true), ("FATAL", "42704", false), ("ERROR", "XX000", false)] {
        let error = connect(severity, code).await;

        assert_eq!(is_unavailable(&error), expected, "{severity} {code}: {error}");
    }
}

#[tokio::test]
async fn a_statement_is_repeated_once_on_a_stale_connection_and_not_after_a_timeout() {
    let cases: [(fn() -> Error, u32); 4] = [
        (|| error_with_code("57P01"), 2),
        (|| Error::WorkerCrashed, 2),
        (|| Error::Io(io::ErrorKind::TimedOut.into()), 1),
        (|| Error::PoolClosed, 1),
    ];
    for (error, expected) in cases {
        let executions = Cell::new(0);

        let outcome: sqlx::Result<()> = retry_stale(|| async {
            executions.set(executions.get() + 1);
            Err(error())
        })
        .await;

        assert!(outcome.is_err());
        assert_eq!(executions.get(), expected, "{outcome:?}");
    }
}

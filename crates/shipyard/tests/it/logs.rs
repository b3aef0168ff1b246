//! The log of a program whose output is a file.

use rustix::process::Signal;
use testkit::eventually;

use crate::program::{Program, Variables, shipyard};

#[tokio::test]
async fn a_log_that_goes_to_a_file_has_no_colour_codes() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let variables: Variables = [
        ("ORDER_LISTEN", "127.0.0.1:0"),
        ("ORDER_GRPC_LISTEN", "127.0.0.1:0"),
        ("ORDER_ADMIN_LISTEN", "127.0.0.1:0"),
        // No server listens at these addresses, so that the program logs errors.
        ("ORDER_DATABASE_URL", "postgres://order:secret@127.0.0.1:1/order"),
        ("KAFKA_BROKERS", "127.0.0.1:1"),
        ("SERVICE_KEY", testkit::SERVICE_KEY),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();

    let mut program = Program::start(shipyard(&["run", "order"], &variables, directory.path()), &log);
    let text = eventually(async || {
        let text = std::fs::read_to_string(&log).unwrap();
        text.contains("PostgreSQL").then_some(text)
    })
    .await;
    program.signal(Signal::TERM);

    assert!(program.ended().await.success());
    assert!(text.contains("WARN") && !text.contains('\x1b'), "{text:?}");
}

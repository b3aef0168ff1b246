//! The test kit's own test.

#[test]
fn a_statement_that_another_thread_reaches_first_is_captured() {
    fn say() {
        tracing::info!("said");
    }
    let (log, _guard) = testkit::MemoryLog::capture(tracing::Level::INFO);

    std::thread::spawn(say).join().unwrap();
    say();

    assert!(log.text().contains("said"));
}

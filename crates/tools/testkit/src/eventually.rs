//! Polling for an asynchronous result.

use std::{panic::Location, time::Duration};

/// A test fails after this time. Under the load of all tests, a consumer may take half a minute to join its group.
const TEST_TIMEOUT: Duration = Duration::from_mins(1);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// The result of a probe: `Some` or `Ok` ends the polling; `Err` describes the state seen instead.
pub trait Probed {
    type Value;

    fn value(self) -> Result<Self::Value, String>;
}

impl<T> Probed for Option<T> {
    type Value = T;

    fn value(self) -> Result<T, String> {
        self.ok_or_else(String::new)
    }
}

impl<T> Probed for Result<T, String> {
    type Value = T;

    fn value(self) -> Self {
        self
    }
}

/// Polls `probe` every 10 ms until it returns a value. After a minute, panics at the caller's line with what was seen
/// last.
#[track_caller]
pub fn eventually<P, F>(mut probe: impl FnMut() -> F) -> impl Future<Output = P::Value>
where
    P: Probed,
    F: Future<Output = P>,
{
    let caller = Location::caller();
    async move {
        let mut seen = String::new();
        let wait = async {
            loop {
                match probe().await.value() {
                    Ok(value) => return value,
                    Err(instead) => seen = instead,
                }
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        };
        let Ok(value) = tokio::time::timeout(TEST_TIMEOUT, wait).await else {
            panic!("what {caller} waits for did not happen within {TEST_TIMEOUT:?}; seen last: {seen:?}");
        };
        value
    }
}

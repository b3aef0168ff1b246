//! Polling for an asynchronous result.

use std::{panic::Location, time::Duration};

/// The timeout after which a test fails. Under the load of all tests a consumer may take half a minute to join its group.
const TEST_TIMEOUT: Duration = Duration::from_mins(1);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Polls `probe` every 10 ms until it returns a value. Panics at the caller's line after a minute.
#[track_caller]
pub fn eventually<T, F>(mut probe: impl FnMut() -> F) -> impl Future<Output = T>
where
    F: Future<Output = Option<T>>,
{
    let caller = Location::caller();
    async move {
        let wait = async {
            loop {
                if let Some(answer) = probe().await {
                    return answer;
                }
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        };
        let Ok(answer) = tokio::time::timeout(TEST_TIMEOUT, wait).await else {
            panic!("what {caller} waits for did not happen within {TEST_TIMEOUT:?}");
        };
        answer
    }
}

//! The stand-ins inject exactly the requested faults.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod geo;
mod http;
mod provider;
mod proxy;
mod telegram;

use std::time::Duration;

async fn until(so: impl Fn() -> bool) {
    let soon = async {
        while !so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), soon).await.unwrap();
}

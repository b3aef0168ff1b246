//! `UserErased`: cancels the user's unpaid orders, and removes the addresses of those that have ended.

use std::time::Duration;

use contracts::events::{Received, Subscription, UserErased, group};
use platform::clock;

use crate::repository::Addresses;

const GROUP: &str = group::<UserErased>("order");

/// A request that was admitted before the sessions ended may still create an order: longer than a request takes.
const LAST_REQUESTS: Duration = Duration::from_secs(15);

pub fn user_erased(addresses: Addresses) -> Subscription {
    Subscription::new(GROUP, move |_, erased: Received<UserErased>| {
        let addresses = addresses.clone();
        async move {
            tokio::time::sleep(remaining(&erased.event)).await;
            Ok(addresses.end_account(erased.subject).await?)
        }
    })
}

/// The time until the last request of the user has ended.
fn remaining(event: &UserErased) -> Duration {
    let now = clock::now().timestamp();
    let since = now - event.erased_at.as_ref().map_or(0, |at| at.seconds);
    LAST_REQUESTS.saturating_sub(Duration::from_secs(since.max(0).unsigned_abs()))
}

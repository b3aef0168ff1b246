//! Clients of Stripe's API, and the stand-in that simulates Stripe.

use std::time::Duration;

use payment::client::{Stripe, StripeAccount};

use crate::MAX_AMOUNT;

pub const KEY: &str = "sk_test_key";
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

pub async fn stand_in() -> stand_ins::Provider {
    let server = stand_ins::Provider::start(KEY).await.unwrap();
    server.decline_above(MAX_AMOUNT);
    server
}

pub fn client(url: &str) -> Stripe {
    client_that_waits(url, CALL_TIMEOUT)
}

pub fn client_that_waits(url: &str, timeout: Duration) -> Stripe {
    let account = StripeAccount { url: url.parse().unwrap(), key: KEY.into(), currency: "eur".to_owned(), timeout };
    Stripe::new(account).unwrap()
}

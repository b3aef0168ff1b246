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
    let (url, timeout) = (url.parse().unwrap(), CALL_TIMEOUT);
    Stripe::new(StripeAccount { url, key: KEY.into(), currency: "eur".to_owned(), timeout }).unwrap()
}

//! A POST request and the response stored under its idempotency key.

use std::collections::HashMap;

use super::{fault::Purpose, response::StripeResponse};

pub(super) struct Post {
    pub purpose: Purpose,
    pub key: String,
    pub form: HashMap<String, String>,
}

/// The stored response, with the request that it answered.
pub(super) struct StoredAnswer {
    pub form: HashMap<String, String>,
    pub answer: StripeResponse,
}

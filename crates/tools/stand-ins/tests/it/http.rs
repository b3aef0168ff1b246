//! The HTTP client of these tests.

use std::time::Duration;

use reqwest::Client;

pub fn client() -> Client {
    platform::http::client(Duration::from_secs(30)).unwrap()
}

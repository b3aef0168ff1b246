//! An HTTP client like that of any program.

use reqwest::Client;

pub fn client() -> Client {
    // This fails if another test has installed a provider already, which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
}

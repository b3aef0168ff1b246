//! A client as any program has one.

use reqwest::Client;

pub fn client() -> Client {
    // Fails when another test was first, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
}

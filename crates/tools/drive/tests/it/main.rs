//! The attacks against listeners over TLS.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod tls;

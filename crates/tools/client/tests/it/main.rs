//! Tests of the client against servers over TLS.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod trust;

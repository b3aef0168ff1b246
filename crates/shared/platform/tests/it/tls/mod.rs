//! Tests of TLS between listeners, channels, and PostgreSQL, Redis and Kafka, over real sockets.

mod calls;
mod files;
mod fixture;
mod handshake;
mod https;
mod kafka;
mod stores;

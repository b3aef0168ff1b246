//! TLS of listeners, channels and stores, over real sockets.

mod calls;
mod files;
mod fixture;
mod handshake;
mod kafka;
mod stores;

//! TLS of listeners and of clients' channels: certificates of one authority, read again when their files change.

mod certified;
mod config;
mod connector;
mod failures;
mod handshake;
mod identity;
mod material;

pub use self::{
    certified::{LOOK_EVERY, Tls},
    config::{CA, Config},
    connector::{Connector, Io},
    handshake::{Acceptor, Clients},
    identity::Identity,
};

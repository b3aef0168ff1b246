//! TLS of listeners and of clients' channels: certificates of one authority, read again when their files change.

mod certified;
mod config;
mod connector;
mod failures;
mod handshake;
mod identity;
mod material;

pub(crate) use self::material::check_authorities;
pub use self::{
    certified::{LOOK_EVERY, Tls},
    config::{CA, CERTIFICATE, Config, KEY},
    connector::{Connector, Io},
    handshake::{Acceptor, Clients},
    identity::Identity,
};

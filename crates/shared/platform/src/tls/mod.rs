//! TLS of listeners and channels. Certificates come from one authority and are reloaded when their files change.

mod certified;
mod config;
mod connector;
mod failures;
mod handshake;
mod identity;
mod material;
mod reload;

pub(crate) use self::material::{check_authorities, trusting};
pub use self::{
    certified::Tls,
    config::{CA, CERTIFICATE, Config, KEY},
    connector::{Connector, Io},
    handshake::{Acceptor, Admitted, Clients},
    identity::Identity,
    reload::CHECK_INTERVAL,
};

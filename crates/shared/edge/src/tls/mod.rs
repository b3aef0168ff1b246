//! TLS of listeners and channels. Certificates come from one authority and are reloaded when their files change.

mod certified;
mod connector;
mod handshake;
mod identity;
mod material;

pub use self::{
    certified::{CHECK_INTERVAL, Tls},
    connector::{Connector, Io},
    handshake::{Acceptor, Admitted, Clients},
    identity::Identity,
    material::{CA, CERTIFICATE, Config, KEY},
};

//! A certificate authority for one system: makes, renews and revokes the certificates of services, gateway, stores and
//! operators.

mod authority;
mod directory;
mod file;
mod issued;
mod subject;

pub use authority::{Authority, Pair};
pub use directory::{CA, CERTIFICATE, CRL, Change, Directory, KEY, Owner, Plan};
pub use issued::Serial;
pub use subject::Subject;

//! A certificate authority for one system: makes and renews the certificates of services, gateway, stores and
//! operators.

mod authority;
mod directory;
mod subject;

pub use authority::{Authority, Pair};
pub use directory::{CA, CERTIFICATE, Change, Directory, KEY, Owner, Plan};
pub use subject::Subject;

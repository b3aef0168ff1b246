//! A device: an address from which an account has logged in.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

use super::{Account, owner::half_of_sha_256};

/// A digest of an account and an address from which it has logged in. The account's password hash is the key of the
/// digest, so that neither address nor account can be guessed from the digest without the database's secrets. A new
/// password makes all devices unknown.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeviceDigest(String);

impl DeviceDigest {
    pub fn new(account: &Account, address: IpAddr) -> Self {
        Self::with(&account.password_hash, address)
    }

    /// Returns the digest as [`new`](Self::new) does, for an account with this password hash.
    pub fn with(password_hash: &str, address: IpAddr) -> Self {
        Self(half_of_sha_256(&[password_hash.as_bytes(), b"\0", address.to_string().as_bytes()]))
    }
}

impl fmt::Display for DeviceDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for DeviceDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DeviceDigest(…)")
    }
}

impl From<String> for DeviceDigest {
    fn from(stored: String) -> Self {
        Self(stored)
    }
}

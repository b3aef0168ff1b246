//! An attempt to log in, the key under which the attempts on an account are counted, and the devices that an account
//! knows.

use std::{fmt, net::IpAddr};

use platform::invalid::InvalidField;
use serde::{Deserialize, Serialize};

use super::{Account, caseless, half_of_sha_256, user::check_login};

/// An attempt to authenticate with a login and a password, from a network address.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginAttempt {
    pub login: String,
    /// The caller's IPv4 address, or the network of the IPv6 address.
    pub address: IpAddr,
    pub origin: Origin,
}

/// The relation of an attempt's address to the login's account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// No account has the login, or the account has not been read yet.
    #[default]
    NoAccount,
    /// The account has not logged in from this address recently.
    NewDevice,
    /// The account has logged in from this address recently.
    KnownDevice(DeviceDigest),
}

/// The debug output contains neither the login nor the address.
impl fmt::Debug for LoginAttempt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LoginAttempt(..)")
    }
}

impl LoginAttempt {
    pub fn new(login: String, address: IpAddr) -> Result<Self, InvalidField> {
        check_login(&login)?;
        Ok(Self { login, address, origin: Origin::default() })
    }

    /// Returns the key under which attempts on this login's account are counted, whether or not the account exists.
    pub fn account_key(&self) -> String {
        account_key(&self.login)
    }

    pub fn is_from_known_device(&self) -> bool {
        matches!(self.origin, Origin::KnownDevice(_))
    }
}

/// Returns the account key of a login: a digest, since a login may be an e-mail address. All spellings of a login share
/// one count, because they may belong to one account.
pub fn account_key(login: &str) -> String {
    half_of_sha_256(&[caseless(login).as_bytes()])
}

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

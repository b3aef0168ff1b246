//! The contract of the attempts' repository: counts of attempts per account and per address, taken before a password is hashed.

use std::{net::IpAddr, time::Duration};

use async_trait::async_trait;

use crate::{error::Error, model::LoginAttempt};

/// The decision on an attempt to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// The password may be verified.
    Verify,
    /// The account is locked: the caller gets the answer to a wrong password, at the same cost.
    Locked,
    /// The address is refused for this long.
    Limited(Duration),
}

/// A count locks its account or address once it has reached its limit: for 1/64 of its window, and twice as long with each further
/// attempt that was admitted, up to the window. Refused attempts neither count nor prolong the delay. A count expires one window after
/// its last attempt or delay.
#[async_trait]
pub trait Attempts: Send + Sync {
    /// Counts an attempt and decides on it, in one atomic step. An attempt on a locked account counts for its address alone.
    async fn begin(&self, attempt: &LoginAttempt) -> Result<Decision, Error>;
    /// Records that the password was right: the account's count is reset, and the attempt no longer counts for its address.
    async fn succeed(&self, attempt: &LoginAttempt) -> Result<(), Error>;
    /// Takes back an attempt whose password could not be verified.
    async fn take_back(&self, attempt: &LoginAttempt) -> Result<(), Error>;
    /// Counts a registration from this address. Returns for how long the address is refused, if it is.
    async fn register(&self, address: IpAddr) -> Result<Option<Duration>, Error>;
}

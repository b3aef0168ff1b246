//! The repository trait of counts of login attempts, per account and per address. An attempt is counted before its password is hashed.

use std::{net::IpAddr, time::Duration};

use async_trait::async_trait;

use crate::{error::Error, model::LoginAttempt};

/// The decision on an attempt to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// The password may be verified.
    Verify,
    /// The account is locked. The caller gets the same response as for a wrong password, at the same cost.
    Locked,
    /// The address is refused for this remaining time.
    Limited(Duration),
}

/// The repository of counts of login attempts and of registrations. A count that reaches its limit locks its account or address for 1/64
/// of its window. Each further admitted attempt doubles the delay, up to the window. Refused attempts neither count nor prolong the delay.
/// A count expires one window after its last attempt or delay.
#[async_trait]
pub trait LoginAttempts: Send + Sync {
    /// Counts an attempt and decides on it, in one atomic step. An attempt on a locked account counts only for its address.
    async fn begin(&self, attempt: &LoginAttempt) -> Result<Decision, Error>;
    /// Records that the password was right: the account's count is reset, and the attempt no longer counts for its address.
    async fn succeed(&self, attempt: &LoginAttempt) -> Result<(), Error>;
    /// Uncounts an attempt whose password could not be verified because of an error.
    async fn take_back(&self, attempt: &LoginAttempt) -> Result<(), Error>;
    /// Counts a registration from this address. If the address is refused, returns the remaining time.
    async fn register(&self, address: IpAddr) -> Result<Option<Duration>, Error>;
}

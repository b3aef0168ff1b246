//! The repository trait of counts of logins and registrations, per account and per address. An attempt is counted
//! before its password is hashed.

use std::{net::IpAddr, time::Duration};

use async_trait::async_trait;

use crate::{
    error::Error,
    model::{DeviceDigest, LoginAttempt},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    Verify,
    /// The address is over its limit, and the account has no failed attempt. The password may be verified, slowly.
    Throttle,
    /// The account is locked. The caller gets the same response as for a wrong password, at the same cost.
    Locked,
    /// The address is refused for this remaining time.
    Limited(Duration),
    /// The account had too many successful logins, and is refused for this remaining time.
    Busy(Duration),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Judged {
    pub decision: Decision,
    /// True if the address has reached its limit of successful logins of new accounts: another new account cannot log
    /// in from it.
    pub is_crowded: bool,
    /// True if the attempt was counted for its address, as verified or as throttled. [`LoginAttempts::succeed`] and
    /// [`LoginAttempts::take_back`] undo this.
    pub is_counted: bool,
}

/// The number of attempts since the last success is remembered for this long.
pub(super) const REMEMBERED_FOR: Duration = Duration::from_hours(30 * 24);

/// A count that reaches its limit locks its account or address for 1/64 of its window. Each further admitted attempt
/// doubles the delay, up to the window. Refused attempts neither count nor prolong the delay. A count expires one
/// window after its last attempt or delay.
///
/// Attempts from a known device have their own count, so that a lock of the account does not affect them. The lock of
/// an address does not affect a known device, and throttles an attempt on an account without failed attempts. If as
/// many throttled attempts fail within the window as lock an address, the address is refused throttled attempts, too.
///
/// An account, and a device, are also locked after `IAM_LOCKOUT_TOTAL` failed attempts in a row until one of the
/// account's devices logs in or an operator unlocks the login. From the fifth failed attempt on, that number is
/// remembered for 30 days after the last one, otherwise for the window.
#[async_trait]
pub trait LoginAttempts: Send + Sync {
    /// Counts an attempt and decides on it, atomically. An attempt on a locked account counts only for its address.
    async fn begin(&self, attempt: &LoginAttempt) -> Result<Judged, Error>;
    /// Records that the password was right: resets the counts of the account and of its known `devices`, and takes back
    /// the count of the attempt for its address. Counts a successful login for the account and, if the account is new
    /// (`is_new`), for the address.
    async fn succeed(
        &self,
        attempt: &LoginAttempt,
        devices: &[DeviceDigest],
        judged: Judged,
        is_new: bool,
    ) -> Result<(), Error>;
    /// Takes back the count of an attempt whose password could not be verified because of an error.
    async fn take_back(&self, attempt: &LoginAttempt, judged: Judged) -> Result<(), Error>;
    /// Counts a registration from this address. If the address is refused, returns the remaining time.
    async fn register(&self, address: IpAddr) -> Result<Option<Duration>, Error>;
    /// Unlocks a login for all devices, and forgets its failed attempts. `devices` are the devices that its account
    /// knows.
    async fn unlock(&self, login: &str, devices: &[DeviceDigest]) -> Result<(), Error>;
}

//! The limit of each count of logins and registrations.

use std::time::Duration;

use crate::config::Limits;

/// A limit on attempts: how many are allowed before delays begin, and the maximum delay.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// The number of attempts before delays begin. 0 means no limit.
    pub attempts: u32,
    pub window: Duration,
    /// After this number of attempts since the last success, further ones are refused, until a login from another known
    /// device succeeds or `UnlockLogin` is called. 0 means no limit.
    pub total: u32,
}

impl Limits {
    pub fn account(&self) -> Limit {
        let total = self.iam_lockout_total;
        Limit { attempts: self.iam_lockout_failures, window: self.iam_lockout_window, total }
    }

    pub fn address(&self) -> Limit {
        Limit { attempts: self.iam_address_failures, window: self.iam_address_window, total: 0 }
    }

    /// Returns the limit of an address' throttled attempts within its window. Attempts above it are not counted, so
    /// that they do not prolong the refusal.
    pub fn throttled(&self) -> Limit {
        Limit { attempts: u32::MAX, window: self.iam_address_window, total: self.iam_address_failures }
    }

    pub fn registrations(&self) -> Limit {
        Limit { attempts: self.iam_address_registrations, window: self.iam_address_window, total: 0 }
    }

    pub fn successes(&self) -> Limit {
        Limit { attempts: self.iam_account_logins, window: self.iam_address_window, total: 0 }
    }

    pub fn new_accounts(&self) -> Limit {
        Limit { attempts: self.iam_address_new_accounts, window: self.iam_new_accounts_window, total: 0 }
    }
}

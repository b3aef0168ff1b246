//! An attempt to log in, and the key under which attempts on one account are counted.

use std::{fmt, net::IpAddr};

use super::{Invalid, caseless, user::check_login};

/// An attempt to prove, with a password, to be the user of a login.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginAttempt {
    pub login: String,
    /// The caller's IPv4 address, or the network of the IPv6 address.
    pub address: IpAddr,
}

/// Shows neither the login nor the address.
impl fmt::Debug for LoginAttempt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LoginAttempt(..)")
    }
}

impl LoginAttempt {
    pub fn new(login: String, address: IpAddr) -> Result<Self, Invalid> {
        check_login(&login)?;
        Ok(Self { login, address })
    }

    /// The key under which attempts on this login's account are counted, whether or not the account exists.
    pub fn account_key(&self) -> String {
        account_key(&self.login)
    }
}

/// The account key of a login: spellings of a login that may belong to one account share a count.
fn account_key(login: &str) -> String {
    caseless(login)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_login_share_a_key() {
        assert_eq!(account_key("Ann"), account_key("ａnn"));
        assert_ne!(account_key("ann"), account_key("anna"));
    }
}

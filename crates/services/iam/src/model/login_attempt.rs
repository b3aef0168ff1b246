//! An attempt to log in, and the key under which the attempts on an account are counted.

use std::{fmt, net::IpAddr};

use super::{Invalid, caseless, user::check_login};

/// An attempt to authenticate with a login and a password, from a network address.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginAttempt {
    pub login: String,
    /// The caller's IPv4 address, or the network of the IPv6 address.
    pub address: IpAddr,
}

/// The debug output contains neither the login nor the address.
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

    /// Returns the key under which attempts on this login's account are counted, whether or not the account exists.
    pub fn account_key(&self) -> String {
        account_key(&self.login)
    }
}

/// Returns the account key of a login. All spellings of a login share one count, because they may belong to one account.
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

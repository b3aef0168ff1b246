//! The operators of the system, named by their logins. `config.rs` reads them from `IAM_OPERATORS`. `service/mod.rs` looks up who has the
//! role and refuses to register an operator's login; `service/create_operator.rs` creates the user of such a login.

use std::{collections::HashSet, sync::Arc};

use super::{LoginDigest, Owner, caseless, user::check_login};
use platform::invalid::InvalidField;

/// The logins whose users have the role `operator`.
///
/// A user has the role only with the exact login: a stranger who registered `Ann` before `IAM_OPERATORS` named `ann`
/// must not become an operator. But registration refuses every spelling of an operator's login.
#[derive(Clone, Debug, Default)]
pub struct Operators {
    logins: Arc<HashSet<String>>,
    digests: Arc<HashSet<LoginDigest>>,
    keys: Arc<HashSet<String>>,
}

impl Operators {
    /// Parses a list of logins separated by commas, with optional spaces around them.
    pub fn parse(text: &str) -> Result<Self, InvalidField> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let logins: Result<HashSet<_>, _> = text
            .split(',')
            .map(|login| {
                let login = login.trim();
                check_login(login).map(|()| login.to_owned())
            })
            .collect();
        let logins = logins?;
        let keys = logins.iter().map(|login| caseless(login)).collect();
        let digests = logins.iter().map(|login| LoginDigest::new(login)).collect();
        Ok(Self { logins: Arc::new(logins), digests: Arc::new(digests), keys: Arc::new(keys) })
    }

    /// Returns true if the login is an operator's, whether or not it is registered.
    pub fn contains(&self, login: &str) -> bool {
        self.logins.contains(login)
    }

    /// Returns true if the login is a spelling of an operator's login, which `Register` refuses.
    pub fn reserve(&self, login: &str) -> bool {
        self.keys.contains(&caseless(login))
    }

    pub fn include(&self, user: &Owner) -> bool {
        self.digests.contains(&user.login)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_are_logins_separated_by_commas() {
        let operators = Operators::parse("ann, bob@example.com,carol smith").unwrap();

        for login in ["ann", "bob@example.com", "carol smith"] {
            assert!(operators.contains(login), "{login}");
            assert!(operators.reserve(&login.to_uppercase()), "{login}");
        }
        for login in ["Ann", "bob", "carol", "", " "] {
            assert!(!operators.contains(login), "{login:?}");
        }
        assert!(!Operators::parse("").unwrap().contains(""));
    }

    #[test]
    fn a_login_that_no_user_can_have_is_an_error() {
        for text in ["ann,", ",", "a\0b", &"a".repeat(300)] {
            assert_eq!(Operators::parse(text).unwrap_err().field.as_ref(), "login", "{text:?}");
        }
    }
}

//! The users who run the system, by their logins.

use std::{collections::HashSet, sync::Arc};

use super::{Invalid, User, user::check_login};

/// The logins whose users have the role `operator`. Logins are compared as everywhere: `Ann` and `ann` are two.
#[derive(Clone, Debug, Default)]
pub struct Operators(Arc<HashSet<String>>);

impl Operators {
    /// Parses logins that are separated by commas, with or without spaces around them.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let logins = text.split(',').map(|login| {
            let login = login.trim();
            check_login(login).map(|()| login.to_owned())
        });
        Ok(Self(Arc::new(logins.collect::<Result<_, _>>()?)))
    }

    /// True for the login of an operator, whether or not it is registered.
    pub fn contains(&self, login: &str) -> bool {
        self.0.contains(login)
    }

    pub fn include(&self, user: &User) -> bool {
        self.contains(&user.info.login)
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
        }
        for login in ["Ann", "bob", "carol", "", " "] {
            assert!(!operators.contains(login), "{login:?}");
        }
        assert!(!Operators::parse("").unwrap().contains(""));
    }

    #[test]
    fn a_login_that_no_user_can_have_is_an_error() {
        for text in ["ann,", ",", "a\0b", &"a".repeat(300)] {
            assert_eq!(Operators::parse(text).unwrap_err().field, "login", "{text:?}");
        }
    }
}

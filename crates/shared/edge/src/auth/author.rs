//! The author of a decision, which is stored with the decision.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Caller;

/// The prefix of an author who ran a command: the name is not verified.
const COMMAND_LINE: &str = "cli:";
/// The maximum length in characters. The columns `decided_by` have the same limit.
const MAX_LENGTH: usize = 200;

/// A user by uuid; `cli:USER@HOST`, the system's user who ran a command; `service:NAME`; or a part of this system that
/// decides by itself, such as `checker`. Never a login.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Author(String);

impl Author {
    pub fn user(uuid: Uuid) -> Self {
        Self(uuid.to_string())
    }

    /// Returns a part of this system that decides by itself.
    pub fn part(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// Returns the author of a call: the session's user; for a service the name in `said`, which is the system's user
    /// who runs a tool, or the service itself if `said` is empty.
    pub fn of(caller: &Caller, said: &str) -> Result<Self, &'static str> {
        match caller {
            Caller::User(user) => Ok(Self::user(user.uuid)),
            Caller::Service(name) if said.is_empty() => Ok(Self(format!("service:{name}"))),
            Caller::Service(_) if said.starts_with(COMMAND_LINE) && said == cut(said) => Ok(Self(said.to_owned())),
            Caller::Service(_) => Err("must be cli:USER@HOST, without spaces and of at most 200 characters"),
        }
    }

    /// Returns the system's user who runs this command, as its environment says.
    pub fn command_line() -> Self {
        let names = ["SUDO_USER", "USER", "LOGNAME"].into_iter().filter_map(|name| std::env::var(name).ok());
        let user = names.map(|name| cut(&name)).find(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned());
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        Self(cut(&format!("{COMMAND_LINE}{user}@{}", host.trim())))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns true if the author is this user, who must not decide about their own data.
    pub fn is_user(&self, user: Uuid) -> bool {
        Uuid::try_parse(&self.0).is_ok_and(|author| author == user)
    }
}

/// Removes spaces and control characters, and truncates the text to [`MAX_LENGTH`].
fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !c.is_whitespace()).take(MAX_LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::User;

    #[test]
    fn a_user_is_the_author_despite_the_request_and_a_tool_may_only_name_a_user_of_the_system() {
        let (user, tool) = (Uuid::from_u128(7), Caller::Service("shipyard".to_owned()));
        let of = |caller: &Caller, said: &str| Author::of(caller, said).map(|author| author.as_str().to_owned());

        assert_eq!(of(&Caller::User(User::operator(user)), "cli:ann@host"), Ok(user.to_string()));
        assert_eq!(of(&tool, "cli:ann@host"), Ok("cli:ann@host".to_owned()));
        assert_eq!(of(&tool, ""), Ok("service:shipyard".to_owned()));
        for forged in [user.to_string(), "checker".to_owned(), "cli:a b".to_owned(), format!("cli:{}", "a".repeat(200))]
        {
            assert!(of(&tool, &forged).is_err(), "{forged}");
        }
        assert!(Author::user(user).is_user(user) && !Author::command_line().is_user(user));
        assert!(Author::command_line().as_str().starts_with("cli:"));
    }
}

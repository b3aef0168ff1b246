//! The login page.

use askama::Template;

use super::layout::{Layout, Problem, concerns};
use crate::pages::format::encoded;

#[derive(Template)]
#[template(path = "login.html")]
pub struct Login {
    pub layout: Layout,
    pub login: String,
    /// The path of the console to open after the login.
    pub next: String,
    /// True if the session of this browser has just ended.
    pub is_expired: bool,
    pub problem: Option<Problem>,
}

impl Login {
    fn is_wrong(&self, field: &str) -> bool {
        concerns(self.problem.as_ref(), field)
    }

    fn encoded_next(&self) -> String {
        encoded(&self.next)
    }
}

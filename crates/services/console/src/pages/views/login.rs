//! Logging in.

use askama::Template;

use super::layout::{Layout, Problem, concerns};
use crate::pages::format::encoded;

#[derive(Template)]
#[template(path = "login.html")]
pub struct Login {
    pub layout: Layout,
    pub login: String,
    /// Where to go afterwards: a path of the console.
    pub next: String,
    /// The session of this browser has just ended.
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

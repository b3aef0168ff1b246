//! The page that creates an account.

use askama::Template;

use super::layout::{Layout, Problem, concerns};
use crate::pages::format::encoded;

#[derive(Template)]
#[template(path = "register.html")]
pub struct Register {
    pub layout: Layout,
    pub login: String,
    pub email: String,
    pub next: String,
    pub problem: Option<Problem>,
}

impl Register {
    fn is_wrong(&self, field: &str) -> bool {
        concerns(self.problem.as_ref(), field)
    }

    fn encoded_next(&self) -> String {
        encoded(&self.next)
    }
}

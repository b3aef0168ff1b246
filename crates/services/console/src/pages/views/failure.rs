//! A page that cannot be shown: not found, not allowed, or a service is away.

use askama::Template;

use super::layout::{Layout, Problem};

#[derive(Template)]
#[template(path = "failure.html")]
pub struct Failure {
    pub layout: Layout,
    /// The HTTP status.
    pub status: u16,
    pub problem: Problem,
    /// Trying again may help.
    pub can_retry: bool,
    /// The page of the form that was refused.
    pub back: Option<String>,
}

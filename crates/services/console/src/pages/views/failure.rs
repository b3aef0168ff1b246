//! The page for a failed request: not found, not allowed, or a service is unavailable.

use askama::Template;
use uuid::Uuid;

use super::layout::{Layout, Problem};

#[derive(Template)]
#[template(path = "failure.html")]
pub struct Failure {
    pub layout: Layout,
    pub status: u16,
    pub problem: Problem,
    /// The orders that the problem is about.
    pub orders: Vec<Uuid>,
    /// True if trying again may help.
    pub can_retry: bool,
    /// The page of the form that was refused.
    pub back: Option<String>,
}

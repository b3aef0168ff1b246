//! The confirmation before an operator's action: what it will do, and a form that does it.

use askama::Template;

use super::layout::Layout;

#[derive(Default)]
pub struct Confirmation {
    /// The title, such as `Discard 12 dead letters?`.
    pub title: String,
    /// What will happen, one sentence per effect.
    pub effects: Vec<String>,
    /// Details of the action: names and values.
    pub rows: Vec<(String, String)>,
    /// The path to which the form is sent.
    pub action: &'static str,
    /// The hidden fields of the form besides `confirm=yes`.
    pub fields: Vec<(String, String)>,
    /// True if the form asks for a reason.
    pub asks_why: bool,
    pub button: &'static str,
    /// True if the action cannot be undone.
    pub is_final: bool,
    pub back: &'static str,
}

#[derive(Template)]
#[template(path = "confirm.html")]
pub struct Confirm {
    pub layout: Layout,
    pub confirmation: Confirmation,
}

//! The page on which an operator confirms an action: what it will do, and a form that does it.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use serde_json::Value;

use crate::{
    api::{Api, Form, Visit},
    pages::frame::{Layout, layout, page},
};

#[derive(Default)]
pub struct Confirmation {
    /// The title, such as `Discard 12 dead letters?`.
    pub title: String,
    /// One sentence for each effect of the action.
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
struct Confirm {
    layout: Layout,
    confirmation: Confirmation,
}

impl Confirmation {
    /// Returns a confirmation whose button sends the members of a form to `action`.
    pub fn new(form: &Form, action: &'static str) -> Self {
        let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
        let fields = form.members.iter().filter(|(name, _)| *name != "confirm").filter_map(text).collect();
        Self { action, fields, ..Self::default() }
    }
}

pub async fn confirm(api: &Api, visit: &Visit, confirmation: Confirmation) -> Response {
    page(StatusCode::OK, &Confirm { layout: layout(api, visit, "operator").await, confirmation })
}

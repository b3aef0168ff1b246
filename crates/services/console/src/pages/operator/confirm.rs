//! The page on which an operator confirms an action.

use axum::{http::StatusCode, response::Response};
use serde_json::Value;

use super::layout;
pub use crate::pages::views::confirm::Confirmation;
use crate::{
    api::{Api, Form, Visit},
    pages::{frame::page, views::confirm::Confirm},
};

impl Confirmation {
    /// Returns a confirmation whose button sends the members of a form to `action`.
    pub fn new(form: &Form, action: &'static str) -> Self {
        let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
        let fields = form.members.iter().filter(|(name, _)| *name != "confirm").filter_map(text).collect();
        Self { action, fields, ..Self::default() }
    }
}

pub async fn confirm(api: &Api, visit: &Visit, confirmation: Confirmation) -> Response {
    page(StatusCode::OK, &Confirm { layout: layout(api, visit).await, confirmation })
}

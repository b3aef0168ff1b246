//! `GET /console/login` and `/console/register`.

use axum::{Extension, http::StatusCode, response::Response};
use platform::http::{problem::Problem, query::QueryParameters};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    frame::{page, stranger},
    refusal,
    views::{login::Login, register::Register},
};
use crate::api::{Form, Session};

#[derive(Default, Deserialize, ToSchema)]
pub struct LoginQuery {
    #[serde(default)]
    next: String,
}

pub async fn login(
    session: Option<Extension<Session>>,
    QueryParameters(query): QueryParameters<LoginQuery>,
) -> Response {
    // A browser that comes from a page and still has a cookie had a session.
    let is_expired = session.is_some() && !query.next.is_empty();
    page(
        StatusCode::OK,
        &Login { layout: stranger(), login: String::new(), next: query.next, is_expired, problem: None },
    )
}

/// Returns the login page for a request without a session. After the login, the browser is redirected to `next`.
pub fn needed(next: String, is_expired: bool) -> Response {
    let view = Login { layout: stranger(), login: String::new(), next, is_expired, problem: None };
    page(StatusCode::UNAUTHORIZED, &view)
}

pub async fn register(QueryParameters(query): QueryParameters<LoginQuery>) -> Response {
    let (login, email) = (String::new(), String::new());
    page(StatusCode::OK, &Register { layout: stranger(), login, email, next: query.next, problem: None })
}

/// Returns the login page with what the user typed and why it was refused.
pub fn login_refused(problem: &Problem, form: &Form) -> Response {
    let text = |name| form.optional_text(name).unwrap_or_default().to_owned();
    let (login, next, shown) = (text("login"), text("next"), refusal::shown(problem));
    let view = Login { layout: stranger(), login, next, is_expired: false, problem: Some(shown) };
    page(refusal::status(problem), &view)
}

pub fn register_refused(problem: &Problem, form: &Form) -> Response {
    let text = |name| form.optional_text(name).unwrap_or_default().to_owned();
    let problem_shown = Some(refusal::shown(problem));
    let view = Register {
        layout: stranger(),
        login: text("login"),
        email: text("email"),
        next: text("next"),
        problem: problem_shown,
    };
    page(refusal::status(problem), &view)
}

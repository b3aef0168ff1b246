//! `GET /console/login` and `/console/register`.

use askama::Template;
use axum::{Extension, http::StatusCode, response::Response};
use platform::http::{problem::Problem, query::QueryParameters};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    frame::{Layout, page, stranger},
    refusal::{self, Refusal, concerns},
};
use crate::api::{Form, Session};

#[derive(Default, Deserialize, ToSchema)]
pub struct LoginQuery {
    #[serde(default)]
    next: String,
}

#[derive(Template)]
#[template(path = "login.html")]
struct Login {
    layout: Layout,
    login: String,
    /// The path of the console to open after the login.
    next: String,
    /// True if the session of this browser has just ended.
    is_expired: bool,
    problem: Option<Refusal>,
}

#[derive(Template)]
#[template(path = "register.html")]
struct Register {
    layout: Layout,
    login: String,
    email: String,
    next: String,
    problem: Option<Refusal>,
}

pub async fn login(
    session: Option<Extension<Session>>,
    QueryParameters(query): QueryParameters<LoginQuery>,
) -> Response {
    // Pages redirect here with `next` if a request had no valid session. If the browser still sends a session, it has
    // ended.
    let is_expired = session.is_some() && !query.next.is_empty();
    page(StatusCode::OK, &Login { next: query.next, is_expired, ..Login::new() })
}

/// Returns the login page for a request without a session. After the login, the browser is redirected to `next`.
pub fn needed(next: String, is_expired: bool) -> Response {
    page(StatusCode::UNAUTHORIZED, &Login { next, is_expired, ..Login::new() })
}

/// Returns the login page with what the user typed and why it was refused.
pub fn login_refused(problem: &Problem, form: &Form) -> Response {
    let [login, next] = ["login", "next"].map(|name| form.optional_text(name).unwrap_or_default().to_owned());
    page(refusal::status(problem), &Login { login, next, problem: Some(refusal::shown(problem)), ..Login::new() })
}

pub async fn register(QueryParameters(query): QueryParameters<LoginQuery>) -> Response {
    let (login, email) = (String::new(), String::new());
    page(StatusCode::OK, &Register { layout: stranger(), login, email, next: query.next, problem: None })
}

pub fn register_refused(problem: &Problem, form: &Form) -> Response {
    let [login, email, next] =
        ["login", "email", "next"].map(|name| form.optional_text(name).unwrap_or_default().to_owned());
    let view = Register { layout: stranger(), login, email, next, problem: Some(refusal::shown(problem)) };
    page(refusal::status(problem), &view)
}

impl Login {
    fn new() -> Self {
        Self { layout: stranger(), login: String::new(), next: String::new(), is_expired: false, problem: None }
    }

    fn is_wrong(&self, field: &str) -> bool {
        concerns(self.problem.as_ref(), field)
    }
}

impl Register {
    fn is_wrong(&self, field: &str) -> bool {
        concerns(self.problem.as_ref(), field)
    }
}

//! The code that all pages share: how they are rendered, their headers, and who is logged in.

use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use contracts::identity::OPERATOR;
use platform::http::pages::rendered;

use super::assets::{ASSETS, Assets};
use crate::{
    api::{Api, Session, Visit},
    client::Playground,
};

/// The name of a visitor while iam does not respond with the login.
pub const NAMELESS: &str = "Profile";
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'self'; frame-ancestors 'none'; object-src 'none'; base-uri 'none'; form-action 'self'";
/// With the default, `no-referrer`, browsers send forms with `Origin: null`.
const REFERRER_POLICY: HeaderValue = HeaderValue::from_static("same-origin");

/// The frame of every page.
pub struct Layout {
    pub assets: &'static Assets,
    pub visitor: Option<Visitor>,
    /// The entry of the navigation that is marked, such as `shop`.
    pub section: &'static str,
}

pub struct Visitor {
    pub login: String,
    pub is_operator: bool,
}

pub fn page(status: StatusCode, template: &impl Template) -> Response {
    let mut response = rendered(status, template.render(), CONTENT_SECURITY_POLICY);
    response.headers_mut().insert(header::REFERRER_POLICY, REFERRER_POLICY);
    response
}

/// Lets a page embed the panel of the playground, if there is one.
pub fn embedding(playground: Option<&Playground>, mut response: Response) -> Response {
    let policy = playground.map(|one| format!("{CONTENT_SECURITY_POLICY}; frame-src {}", one.url()));
    if let Some(policy) = policy.and_then(|policy| HeaderValue::try_from(policy).ok()) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Returns the frame of a page for a visitor who is not logged in.
pub fn stranger() -> Layout {
    Layout { assets: &ASSETS, visitor: None, section: "" }
}

/// Returns the frame of a page about a failed request, for the user of this session, if there is one.
pub async fn layout_of(api: &Api, session: Option<&Session>) -> Layout {
    let Some(Session(session)) = session else { return stranger() };
    let Ok(user) = api.iam.user(session).await else { return stranger() };
    let is_operator = user.roles.iter().any(|role| role == OPERATOR);
    let visitor = user.info.map(|info| Visitor { login: info.login, is_operator });
    Layout { visitor, ..stranger() }
}

/// Returns the frame of a page. If iam does not respond, the visitor's name is [`NAMELESS`].
pub async fn layout(api: &Api, visit: &Visit, section: &'static str) -> Layout {
    let user = api.iam.user(&visit.session).await.unwrap_or_default();
    layout_for(visit, section, user.info.map_or_else(|| NAMELESS.to_owned(), |info| info.login))
}

pub fn layout_for(visit: &Visit, section: &'static str, login: String) -> Layout {
    Layout { visitor: Some(Visitor { login, is_operator: visit.user.is_operator }), section, ..stranger() }
}

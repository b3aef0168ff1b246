//! Extractors for the caller, and for the order in the path.

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::{StatusCode, request::Parts},
};
use contracts::ids::{OrderId, UserId};
use platform::{auth::Caller, http::problem::Problem};
use uuid::Uuid;

/// The authenticated user who sent the request.
pub struct User(pub UserId);

impl<S: Sync> FromRequestParts<S> for User {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.extensions.get::<Caller>() {
            Some(Caller::User(user)) => Ok(Self(UserId::new(user.uuid))),
            // Orders belong to users: a service has none.
            _ => Err(Problem::new(StatusCode::UNAUTHORIZED, "INVALID_SESSION", "Authentication failed")),
        }
    }
}

/// The order that the request's path names.
pub struct OrderPath(pub OrderId);

impl<S: Send + Sync> FromRequestParts<S> for OrderPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = RawPathParams::from_request_parts(parts, state).await.ok();
        let (name, text) = path.iter().flat_map(RawPathParams::iter).next().unwrap_or(("order_uuid", ""));
        let uuid = Uuid::try_parse(text).ok().map(OrderId::new);
        uuid.map(Self).ok_or_else(|| Problem::invalid(name, "must be a uuid"))
    }
}

//! Who visits a page.

use axum::{extract::FromRequestParts, http::request::Parts};
use platform::{
    auth::{Caller, User},
    http::problem::Problem,
};

use crate::api::Session;

/// The session of a page's visitor and its user.
#[derive(Clone)]
pub struct Visit {
    pub session: String,
    pub user: User,
}

impl Visit {
    pub fn caller(&self) -> Caller {
        Caller::User(self.user)
    }
}

impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let session = parts.extensions.get::<Session>();
        match (session, parts.extensions.get::<Caller>()) {
            (Some(Session(session)), Some(Caller::User(user))) => Ok(Self { session: session.clone(), user: *user }),
            _ => Err(Problem::forbidden("only users may call this method")),
        }
    }
}

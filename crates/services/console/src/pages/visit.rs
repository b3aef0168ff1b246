//! The visitor of a page.

use axum::{extract::FromRequestParts, http::request::Parts};
use platform::{
    auth::{Caller, User},
    http::problem::Problem,
};

use crate::api::Session;

#[derive(Clone)]
pub struct Visit {
    /// The session or the access token.
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

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Session(session) = Session::from_request_parts(parts, state).await?;
        match parts.extensions.get::<Caller>() {
            Some(Caller::User(user)) => Ok(Self { session, user: *user }),
            _ => Err(Problem::forbidden("only users may call this method")),
        }
    }
}

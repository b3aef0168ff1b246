//! The caller of a request, and what it may see and do.

use axum::{extract::FromRequestParts, http::request::Parts};
use contracts::ids::UserId;
use platform::{
    auth::{self, NOT_OPERATOR},
    problem::Problem,
};

/// The caller that the guard identified; none where the API is open to everyone.
pub struct Caller(Option<auth::Caller>);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(parts.extensions.get().cloned()))
    }
}

impl Caller {
    /// True for an order of this user; baskets and tries have none.
    pub fn sees_order_of(&self, user: Option<UserId>) -> bool {
        let Some(caller) = &self.0 else { return true };
        caller.may_operate() || user.is_some_and(|user| caller.may_see(user.uuid()))
    }

    /// The user whose orders alone it sees; nothing for a caller who sees all.
    pub fn sees_orders_of(&self) -> Option<UserId> {
        match &self.0 {
            Some(auth::Caller::User(user)) if !user.is_operator => Some(UserId::new(user.uuid)),
            _ => None,
        }
    }

    /// Refuses users without the role.
    pub fn must_operate(&self) -> Result<(), Problem> {
        let may = self.0.as_ref().is_none_or(auth::Caller::may_operate);
        if may { Ok(()) } else { Err(Problem::forbidden(NOT_OPERATOR)) }
    }
}

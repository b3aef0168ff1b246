//! The caller of a request, and what it may see. What it may do, the guard has decided.

use std::convert::Infallible;

use axum::{extract::FromRequestParts, http::request::Parts};
use contracts::ids::UserId;
use platform::{
    auth,
    security_events::{self, Event},
};

/// The caller that the guard identified; none where the API is open to everyone.
pub struct Caller {
    known: Option<auth::Caller>,
    path: String,
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self { known: parts.extensions.get().cloned(), path: parts.uri.path().to_owned() })
    }
}

impl Caller {
    /// True for an order of this user; baskets and tries have none.
    pub fn sees_order_of(&self, user: Option<UserId>) -> bool {
        let Some(caller) = &self.known else { return true };
        caller.may_operate() || user.is_some_and(|user| caller.may_see(user.uuid()))
    }

    /// The user whose orders alone it sees; nothing for a caller who sees all.
    pub fn sees_orders_of(&self) -> Option<UserId> {
        match &self.known {
            Some(auth::Caller::User(user)) if !self.may_operate() => Some(UserId::new(user.uuid)),
            _ => None,
        }
    }

    /// True for operators, for services, and for every caller of an open API. Records that an operator's role is used.
    fn may_operate(&self) -> bool {
        if let Some(auth::Caller::User(user)) = &self.known
            && user.is_operator
        {
            security_events::record(Event::RoleUsed { user: user.uuid, path: &self.path });
        }
        self.known.as_ref().is_none_or(auth::Caller::may_operate)
    }
}

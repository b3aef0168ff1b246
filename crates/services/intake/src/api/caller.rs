//! The caller of a request, and which orders it may see. What it may do, the guard has decided.

use std::convert::Infallible;

use axum::{extract::FromRequestParts, http::request::Parts};
use platform::{
    auth,
    security_events::{self, Event},
};

use crate::model::Order;

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
    /// True for an order whose customer_id is the caller's uuid, for operators, and for every caller of an open API. Not the login: anyone
    /// may register one that a producer uses.
    pub fn sees(&self, order: &Order) -> bool {
        let Some(auth::Caller::User(user)) = &self.known else { return true };
        if order.customer_id == user.uuid.to_string() {
            return true;
        }
        if user.is_operator {
            security_events::record(Event::RoleUsed { user: user.uuid, path: &self.path });
        }
        user.is_operator
    }
}

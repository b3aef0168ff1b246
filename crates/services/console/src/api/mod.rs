//! The HTTP API, a file per group of endpoints, and the state that the endpoints share.

mod account;
mod export;
mod form;
mod live;
mod operator;
mod orders;
mod parts;
mod problems;
mod routes;
mod session;
mod timeline;

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::Uri,
};
use contracts::{events::Topics, ids::OrderId};
use platform::{auth::Sessions, http::problem::Problem, slots::Slots};

pub use self::{
    export::MAX_AT_ONCE as MAX_EXPORTS,
    form::{Form, is_form},
    operator::{LETTERS_PER_PAGE, LettersQuery, MAX_ACTIONS},
    orders::MAX_UNITS,
    problems::{no_receipt, not_read, of_error, of_operations, of_status},
    routes::{RULES, document, router},
    session::{Session, Visit},
};
use crate::{
    client::{Iam, Operations, Orders, Playground, Services},
    service::{Couriers, Live, SignedReceipts, Timelines},
};

/// The parts of a request about an order, whose uuid is in the path.
pub type AboutOrder = (State<Api>, Visit, Uri, Path<String>);

#[derive(Clone)]
pub struct Api {
    pub iam: Iam,
    pub sessions: Arc<dyn Sessions>,
    pub orders: Orders,
    pub intake: Orders,
    pub services: Services,
    pub couriers: Couriers,
    pub timelines: Timelines,
    pub operations: Operations,
    pub receipts: SignedReceipts,
    pub topics: Topics,
    pub live: Live,
    /// A slot for each export of a user's data that is being made.
    pub exports: Slots,
    /// True if browsers reach the console only over TLS.
    pub is_secure: bool,
    pub jaeger: Option<Arc<str>>,
    pub playground: Option<Playground>,
}

impl Api {
    /// Returns the order in a request's path, and true if it is the visitor's own. Fails with NOT_FOUND for another
    /// user's order, unless the visitor is an operator. An operator's access is recorded with `request`, the path of
    /// the request.
    pub async fn readable(&self, visit: &Visit, path: &str, request: &str) -> Result<(OrderId, bool), Problem> {
        let order = orders::order(path)?;
        let checked = self.timelines.check(&visit.caller(), &visit.session, order, request).await;
        Ok((order, checked.map_err(of_error)?))
    }
}

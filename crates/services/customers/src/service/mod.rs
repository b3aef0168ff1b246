//! Use cases: profiles, their checks, and loans.

mod loans;
mod profiles;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use contracts::ids::UserId;
use platform::{auth::Caller, outbox::Waker};
use tokio::sync::Notify;

use crate::{
    client::{Checker, Credits},
    repository::PgRepository,
};

#[derive(Clone)]
pub struct CustomerService {
    repository: PgRepository,
    checker: Arc<dyn Checker>,
    payment: Arc<dyn Credits>,
    relay: Waker,
    /// How long a loan is held for a user who is not a customer.
    hold: Duration,
    /// `to_check` and `to_credit` wake this replica's jobs.
    to_check: Arc<Notify>,
    to_credit: Arc<Notify>,
    cursors: Arc<Mutex<loans::Cursors>>,
}

impl CustomerService {
    pub fn new(
        repository: PgRepository,
        checker: Arc<dyn Checker>,
        payment: Arc<dyn Credits>,
        relay: Waker,
        hold: Duration,
    ) -> Self {
        let (to_check, to_credit, cursors) = (Arc::default(), Arc::default(), Arc::default());
        Self { repository, checker, payment, relay, hold, to_check, to_credit, cursors }
    }
}

/// Returns true for the user itself, services and operators. Records an operator's access to another user's data.
fn may_see(caller: &Caller, id: UserId, path: &str) -> bool {
    caller.may_inspect(Some(id.uuid()), id.uuid(), path)
}

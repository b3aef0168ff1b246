//! Use cases: profiles, their checks, and loans.

mod check;
mod credit;
mod loans;
mod profiles;
mod show;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use platform::outbox::Waker;
use tokio::sync::Notify;

use crate::{
    client::{Checker, Credits},
    repository::{Customers, Loans},
};

#[derive(Clone)]
pub struct CustomerService {
    customers: Arc<dyn Customers>,
    loans: Arc<dyn Loans>,
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
        repository: Arc<impl Customers + Loans + 'static>,
        checker: Arc<dyn Checker>,
        payment: Arc<dyn Credits>,
        relay: Waker,
        hold: Duration,
    ) -> Self {
        let (to_check, to_credit, cursors) = (Arc::default(), Arc::default(), Arc::default());
        let customers = repository.clone();
        Self { customers, loans: repository, checker, payment, relay, hold, to_check, to_credit, cursors }
    }
}

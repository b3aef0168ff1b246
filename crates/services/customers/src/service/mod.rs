//! Use cases: profiles, for customers and operators, the saga that checks an identity, and loans.
//!
//! Each use case of a profile reads the customer, lets the model decide, and writes only if the customer has not
//! changed meanwhile; otherwise it starts again.
//!
//! The saga records its step, asks the checker, and writes the verdict. Without a response the verdict is *unknown*,
//! and the service asks again under the same key.

mod loans;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use contracts::ids::UserId;
use outbox::Waker;
use platform::{
    auth::{Author, Caller},
    clock, error_chain, jobs,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    client::{CheckRequest, Checker, Credits, Unknown},
    error::Error,
    metrics,
    model::{Customer, CustomerRefusal, Event, KycStatus, LoanStatus, Profile, Verdict, Words},
    repository::{DueCheck, Known, PgRepository},
};

/// The method by which an operator sees another user's profile, as security events name it.
const GET_CUSTOMER: &str = "/customers.v1.CustomerService/GetCustomer";

#[derive(Clone)]
pub struct CustomerService {
    repository: PgRepository,
    checker: Arc<dyn Checker>,
    payment: Arc<dyn Credits>,
    relay: Waker,
    /// The maximum time for which a loan is held for a user who is not a customer.
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

    /// Users see only themselves; operators and services see all customers.
    pub async fn show(&self, caller: &Caller, id: UserId) -> Result<Known, Error> {
        let known = self.repository.find(id).await?;
        known.filter(|_| may_see(caller, id, GET_CUSTOMER)).ok_or(Error::NotFound)
    }

    /// Makes a user a customer and starts the check of their identity.
    pub async fn create(&self, id: UserId, profile: &Profile) -> Result<Known, Error> {
        loop {
            let known = self.repository.find(id).await?.map(|known| known.customer);
            let (customer, event) = Customer::create(id, profile.clone(), known.as_ref())?;
            if let Some(known) = self.write(known.map(|known| known.version), customer, &event).await? {
                return Ok(known);
            }
        }
    }

    /// Replaces the profile and starts its check. `version` is the one that the caller has seen.
    pub async fn update(&self, id: UserId, profile: &Profile, version: i64) -> Result<Known, Error> {
        self.change(id, |customer| customer.update(profile.clone(), version).map(Some)).await
    }

    /// Rejects a verified customer on behalf of an operator (the RPC `RollbackKyc`).
    pub async fn revoke(&self, id: UserId, words: Option<Words>, by: &Author) -> Result<Known, Error> {
        self.change(id, |customer| customer.revoke(words.clone(), by.clone())).await
    }

    /// Decides a check on behalf of an operator. `version` is the one that the operator has seen.
    pub async fn decide(&self, id: UserId, verdict: Verdict, version: i64, by: &Author) -> Result<Known, Error> {
        self.change(id, |customer| customer.decide_by_hand(verdict.clone(), version, by.clone())).await
    }

    /// Removes the personal data, at the customer's request or because the account has ended.
    pub async fn erase(&self, id: UserId) -> Result<Known, Error> {
        self.change(id, |customer| Ok(customer.erase())).await
    }

    async fn change(
        &self,
        id: UserId,
        transition: impl Fn(&mut Customer) -> Result<Option<Event>, CustomerRefusal> + Send + Sync,
    ) -> Result<Known, Error> {
        loop {
            let known = self.repository.find(id).await?.ok_or(Error::NotFound)?;
            let mut customer = known.customer.clone();
            let before = customer.version;
            let Some(event) = transition(&mut customer)? else { return Ok(known) };
            if let Some(known) = self.write(Some(before), customer, &event).await? {
                return Ok(known);
            }
        }
    }

    /// Saves a change, and wakes the relay and the jobs that must act on it. Returns `None` if another version was
    /// written meanwhile.
    async fn write(&self, before: Option<i64>, customer: Customer, event: &Event) -> Result<Option<Known>, Error> {
        let Some(saved) = self.repository.save(before, &customer, event).await? else { return Ok(None) };
        self.relay.wake();
        if event.status == KycStatus::Pending {
            self.to_check.notify_one();
        }
        if saved.crediting > 0 {
            self.to_credit.notify_one();
        }
        metrics::count_loans(LoanStatus::Refused, saved.refused);
        let (kyc_status, reason) = (event.status.as_str(), event.reason.map(crate::model::Reason::as_str));
        // Ids of erased customers must not be logged.
        let customer_id = (event.status != KycStatus::Erased).then(|| tracing::field::display(customer.id));
        tracing::info!(customer_id, kyc_status, version = event.version, reason, "customer changed");
        Ok(Some(Known { customer, created_at: saved.created_at, updated_at: saved.updated_at }))
    }
}

/// Checks leased per statement.
const BATCH_SIZE: i64 = 16;
/// The maximum per replica.
const MAX_CONCURRENT_CHECKS: usize = 64;

/// Why a check has no verdict yet.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Unknown(#[from] Unknown),
    #[error(transparent)]
    Service(#[from] Error),
}

impl CustomerService {
    /// Runs checks as they fall due, until `stop`. All replicas may run this: each check is leased to one at a time.
    /// Checks with the fewest tries come first, so that checks that hang do not delay others.
    pub async fn check_customers(&self, stop: CancellationToken) {
        let checks =
            jobs::due("check-customers", || self.repository.due_checks(BATCH_SIZE), self.to_check.clone(), stop);
        jobs::for_each(checks, MAX_CONCURRENT_CHECKS, "check customer", |check| self.try_to_check(check)).await;
    }

    async fn try_to_check(&self, check: DueCheck) {
        let DueCheck { customer, version, lease } = check;
        let (is_unknown, error) = match tokio::time::timeout(lease, self.check(check)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => (matches!(error, Failed::Unknown(_)), error_chain(error)),
            Err(_) => (true, format!("timed out after {lease:?}")),
        };
        metrics::count_check("unknown", is_unknown.into());
        tracing::warn!(customer_id = %customer, version, error, "identity not checked, retrying");
    }

    async fn check(&self, check: DueCheck) -> Result<(), Failed> {
        let Some(known) = self.repository.find(check.customer).await? else { return Ok(()) };
        let Some(profile) = known.customer.profile().filter(|_| known.customer.version == check.version) else {
            return Ok(());
        };
        let key = format!("{}/{}", check.customer, check.version);
        let request = CheckRequest { key, profile: profile.clone(), today: clock::now().date_naive() };
        let verdict = self.checker.ask(&request).await?;
        let outcome = if verdict == Verdict::Approved { "approved" } else { "refused" };
        let mut customer = known.customer;
        // If there is no event, or the write changes nothing, another replica or an operator has decided the same
        // version.
        if let Some(event) = customer.decide(verdict)
            && self.write(Some(check.version), customer, &event).await?.is_some()
        {
            metrics::count_check(outcome, 1);
        }
        Ok(())
    }
}

/// Returns true for the user itself, services and operators. Records an operator's access to another user's data.
fn may_see(caller: &Caller, id: UserId, path: &str) -> bool {
    caller.may_inspect(Some(id.uuid()), id.uuid(), path)
}

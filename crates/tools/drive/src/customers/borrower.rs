//! A borrower: a customer whose identity is checked, and whose loans the bank approves one by one.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use client::{
    bank::{ApprovedLoan, Bank},
    lending::{BIRTH_DATE, Lending},
    shop::within,
};
use contracts::{
    money::Money,
    proto::customers::v1::{CreateCustomerRequest, Customer, GetCustomerRequest, UpdateCustomerRequest},
};
use platform::clock;
use rand::rngs::SmallRng;
use tokio::time::sleep;
use tonic::{Code, Request, Status};

use super::{
    account::{Account, backoff, class_of},
    counters::{Class, Kind},
    in_flight::{InFlight, Operation},
    journal::Journal,
    random::Random,
};

/// The number of the next loan of this run, which makes its id unique.
static LOANS: AtomicU64 = AtomicU64::new(0);

pub struct Borrower {
    pub account: Account,
    pub lending: Lending,
    pub bank: Arc<Bank>,
    pub journal: Arc<Journal>,
    pub in_flight: Arc<InFlight>,
    /// The mean pause between two steps.
    pub pause: std::time::Duration,
    pub random: Random,
}

#[derive(Clone, Copy)]
enum Call {
    Create,
    Read,
    /// Updates the profile, given the version that was read.
    Update(i64),
}

impl Borrower {
    /// Becomes a customer, and then borrows in an endless loop. Sometimes changes its profile, which is then checked
    /// again.
    pub async fn live(mut self) {
        self.create().await;
        loop {
            if self.random.percent() < 80 {
                self.borrow().await;
            } else {
                self.change().await;
            }
        }
    }

    async fn create(&mut self) {
        let operation = self.begin("CreateCustomer").await;
        // AlreadyExists is expected: an earlier attempt whose response was lost may have created the customer.
        self.ask(&operation, Call::Create, &[Code::AlreadyExists]).await;
    }

    /// Makes the bank approve a loan, and publishes some loans twice. A loan counts once the broker acknowledges it.
    async fn borrow(&mut self) {
        let number = LOANS.fetch_add(1, Ordering::Relaxed);
        let operation = self.begin(format!("loan {number}")).await;
        let loan = ApprovedLoan {
            id: format!("load-{}-{number}", self.account.user.simple()),
            customer: self.account.user,
            amount: Money::from_minor(i64::from(self.random.percent()) + 1).unwrap_or_default(),
            approved_at: clock::now().timestamp(),
        };
        let times = if self.random.percent() < 10 { 2 } else { 1 };
        let loans = vec![loan.clone(); times];
        while let Err(error) = self.bank.approve(&loans).await {
            operation.tried(format!("{error:#}"));
            sleep(backoff(&mut self.random.fork())).await;
        }
        self.journal.lend(loan.id);
    }

    async fn change(&mut self) {
        let operation = self.begin("UpdateCustomer").await;
        let Some(known) = self.ask(&operation, Call::Read, &[]).await else { return };
        // FailedPrecondition is expected while the profile is checked, and Aborted if an attempt whose response was
        // lost changed the version.
        self.ask(&operation, Call::Update(known.version), &[Code::FailedPrecondition, Code::Aborted]).await;
    }

    /// Retries a call until it gets a final response. Returns `None` for a code in `refusals`; any other error code
    /// violates the contract.
    async fn ask(&mut self, operation: &Operation, call: Call, refusals: &[Code]) -> Option<Customer> {
        let mut stale: Option<String> = None;
        let mut rng = self.random.fork();
        loop {
            let session = self.account.session(stale.as_deref(), &self.journal, &mut rng).await;
            let status = match self.twice(call, &session, &mut rng).await {
                Ok(customer) => {
                    self.journal.count(Kind::Lend, Class::Succeeded);
                    return customer;
                }
                Err(status) => status,
            };
            let class = class_of(&status, refusals);
            // Borrowers seldom use their sessions, so an earlier fault may have ended this one.
            let counted = if class == Class::SessionLost { Class::Refused } else { class };
            self.journal.count(Kind::Lend, counted);
            operation.tried(format!("{:?}: {}", status.code(), status.message()));
            match class {
                Class::SessionLost => stale = Some(session),
                Class::Refused => return None,
                Class::Unexpected => {
                    let (code, message) = (status.code(), status.message());
                    self.journal.violation(format!("customers answered {code:?}: {message}"));
                    return None;
                }
                _ => {}
            }
            sleep(backoff(&mut rng)).await;
        }
    }

    /// Sends a call, and retries it once if it fails: a server that closes a connection gracefully may lose the last
    /// call, and gRPC clients retry such a call once.
    async fn twice(&self, call: Call, session: &str, rng: &mut SmallRng) -> Result<Option<Customer>, Status> {
        let _waiting = self.journal.wait();
        match self.send(call, session).await {
            Err(status) if class_of(&status, &[]).is_failure() => {
                sleep(backoff(rng)).await;
                self.send(call, session).await
            }
            answer => answer,
        }
    }

    async fn send(&self, call: Call, session: &str) -> Result<Option<Customer>, Status> {
        let mut customers = self.lending.customers();
        let (name, birth_date) = ("Borrower".to_owned(), BIRTH_DATE.to_owned());
        Ok(match call {
            Call::Create => {
                let request = CreateCustomerRequest { name, birth_date, ..CreateCustomerRequest::default() };
                customers.create_customer(in_session(session, request)?).await?.into_inner().customer
            }
            Call::Read => {
                let request = GetCustomerRequest { customer_id: self.account.user.to_string() };
                customers.get_customer(in_session(session, request)?).await?.into_inner().customer
            }
            Call::Update(version) => {
                let request = UpdateCustomerRequest { name, birth_date, version, ..UpdateCustomerRequest::default() };
                customers.update_customer(in_session(session, request)?).await?.into_inner().customer
            }
        })
    }

    async fn begin(&mut self, what: impl Into<String>) -> Operation {
        sleep(self.random.about(self.pause)).await;
        self.in_flight.begin(what).await
    }
}

fn in_session<T>(session: &str, message: T) -> Result<Request<T>, Status> {
    within(session, message).map_err(|error| Status::internal(error.to_string()))
}

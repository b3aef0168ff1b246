//! Customers and loans: the service over its in-memory stores, the programs that it calls, users who borrow, and the
//! facts for the auditor.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use audit::facts;
use chrono::{DateTime, NaiveDate, Utc};
use contracts::{events::LOAN_APPROVED, ids::UserId};
use customers::{
    client::{BuiltIn, CheckRequest, Checker, CreditError, Credits, Unknown},
    error::Error,
    model::{
        Address, BirthDate, Customer, Event, KycStatus, Loan, LoanId, LoanStatus, Name as Text, NewLoan, Profile,
        Verdict,
    },
    repository::{Customers, Decided, DueCheck, Known, Loans, MemoryRepository, Position, Saved},
    service::CustomerService,
};
use payment::model::{Credit, Reference};
use platform::{auth::Author, kafka::Record, outbox::Waker, postgres::DatabaseError};
use rand::RngExt as _;
use uuid::Uuid;

use crate::{
    broker::consume,
    network::{Lost, said},
    plan::{Fault, Mistake},
    process::Process,
    shop::{leases, relay, run_jobs, steps},
    steps::{Steps, stepwise},
    world::{Name, Serves, World, locked},
};

/// The timeout of a credit call to payment, and of a user's request.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);
/// The timeout of an identity check.
const CHECKER_TIMEOUT: Duration = Duration::from_secs(5);
/// Longer than any run: a loan of a user who is not a customer stays held.
const HOLD: Duration = Duration::from_hours(24);
/// How often a user sends a request before giving up.
const MAX_TRIES: u32 = 60;
/// The name that the identity check refuses.
const DECLINED: &str = "Mallory";

/// Starts the service over its in-memory stores.
pub fn boot(process: &Process) -> Serves {
    let (stores, waker) = (&process.world.stores, Waker::default());
    let service = CustomerService::new(
        steps(process, &stores.customers),
        Arc::new(RemoteChecker { process: process.clone(), checker: BuiltIn::new(DECLINED) }),
        Arc::new(RemotePayment(process.clone())),
        waker.clone(),
        HOLD,
    );
    relay(process, &stores.customers.outbox, &waker, "customers");
    run_jobs(process, customers::jobs::all(&service, leases(process)));
    consume(process, customers::consumers::all(&service));
    Serves::Customers(service)
}

stepwise! {
    Customers for MemoryRepository, Error {
        fn find(customer: UserId) -> Option<Known>;
        fn due_checks(limit: i64) -> Vec<DueCheck>;
    }

    async fn save(&self, before: Option<i64>, customer: &Customer, event: &Event) -> Result<Option<Saved>, Error> {
        self.before("before a customer is written").await?;
        let saved = self.twin.save(before, customer, event).await;
        let written = saved.as_ref().is_ok_and(Option::is_some);
        let (user, version, status) = (customer.id, event.version, event.status.as_str());
        self.process.world.note(format_args!("customer {user} is {status} in version {version}: {written}"));
        self.after("after a customer is written").await?;
        saved
    }
}

stepwise! {
    Loans for MemoryRepository, Error {
        fn decide_held(before: Option<&Position>, limit: i64) -> Decided;
        fn refuse_unknown(hold: Duration, after: Option<&Position>, limit: i64) -> Decided;
        fn due_credits(limit: i64) -> Vec<(Loan, Duration)>;
        fn list(customer: UserId) -> Vec<Loan>;
    }

    async fn receive(&self, loan: &NewLoan) -> Result<Option<LoanStatus>, Error> {
        self.before("before a loan is written").await?;
        let received = self.twin.receive(loan).await;
        if self.process.world.makes(Mistake::CreditUnchecked) && self.twin.find(loan.customer).await?.is_some() {
            self.twin.credit_unchecked(&loan.id);
        }
        self.process.world.note(format_args!("loan {} is {:?}", loan.id, received.as_ref().ok()));
        self.after("after a loan is written").await?;
        received
    }

    async fn credited(&self, loan: &LoanId) -> Result<bool, Error> {
        self.before("between a credit and its record").await?;
        let is_new = self.twin.credited(loan).await;
        self.process.world.note(format_args!("loan {loan} is credited: {:?}", is_new.as_ref().ok()));
        self.after("after a credit is recorded").await?;
        is_new
    }
}

/// A program that checks identities. It may fail, not answer, or decide and lose the answer.
struct RemoteChecker {
    process: Process,
    checker: BuiltIn,
}

#[async_trait]
impl Checker for RemoteChecker {
    async fn ask(&self, request: &CheckRequest) -> Result<Verdict, Unknown> {
        let world = &self.process.world;
        self.process.step("before it asks the checker").await;
        world.travel().await;
        if world.strikes(Fault::Provider) {
            let pause = if world.chance(0.5) { CHECKER_TIMEOUT } else { Duration::ZERO };
            tokio::time::sleep(pause).await;
            return Err(Unknown("no verdict".to_owned()));
        }
        let verdict = self.checker.ask(request).await;
        self.process.step("after it has asked the checker").await;
        self.process.stall("after it has asked the checker").await;
        verdict
    }
}

/// The payment service as `GrpcPayment` would reach it.
struct RemotePayment(Process);

#[async_trait]
impl Credits for RemotePayment {
    async fn credit(&self, loan: &Loan) -> Result<(), CreditError> {
        let world = &self.0.world;
        let mut reference = loan.id.to_string();
        if world.makes(Mistake::NewReferenceOnRetry) {
            let tried = !locked(&world.stores.tried).insert(reference.clone());
            reference = if tried { format!("{:.50} again", world.uuid()) } else { reference };
        }
        let credit = Credit {
            reference: Reference::new(reference).expect("a reference"),
            user: loan.customer,
            amount: contracts::money::Money::from_minor(loan.amount.minor()).expect("money"),
        };
        self.0.step("before it asks payment for a credit").await;
        let answer = world.call(Name::Payment, Serves::payments, CALL_TIMEOUT, |payment| {
            let credit = credit.clone();
            async move { payment.credit(&credit).await }
        });
        let answer = answer.await;
        self.0.step("after it has asked payment for a credit").await;
        self.0.stall("after it has asked payment for a credit").await;
        world.note(format_args!("payment answers the credit of loan {}: {}", loan.id, said(&answer)));
        match answer {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error @ payment::error::Error::AnotherCredit(_))) => Err(CreditError::Refused(error.to_string())),
            Ok(Err(error)) => Err(CreditError::Unavailable(error.to_string())),
            Err(lost) => Err(CreditError::Unavailable(format!("{lost:?}"))),
        }
    }
}

/// A user who becomes a customer while a bank approves its loans.
pub struct Borrower {
    pub world: Arc<World>,
    pub uuid: Uuid,
}

#[derive(Clone, Copy, Debug)]
enum Wish {
    Create(&'static str),
    Update(&'static str, i64),
    Revoke,
    Erase,
}

impl Borrower {
    pub async fn live(self) {
        let count = self.world.pick(|rng| rng.random_range(1..=2));
        let loans = futures::future::join_all((0..count).map(|number| self.lend(number)));
        futures::join!(loans, self.change());
    }

    /// Makes the bank publish a loan, sometimes twice.
    async fn lend(&self, number: u32) {
        let window = u64::from(self.world.plan.seconds) * 1000;
        let loan = format!("{}-{number}", self.uuid.simple());
        let amount = f64::from(self.world.pick(|rng| rng.random_range(1..=200_u32)));
        let payload = format!(r#"{{"customer_id":"{}","loan_id":"{loan}","amount":{amount}}}"#, self.uuid);
        let times = if self.world.chance(0.3) { 2 } else { 1 };
        for _ in 0..times {
            tokio::time::sleep(self.world.millis(0, window)).await;
            self.world.note(format_args!("a bank approves loan {loan}"));
            locked(&self.world.stores.approved).insert(loan.clone());
            self.world.broker.append(Record {
                topic: LOAN_APPROVED.topic(&self.world.broker.topics).to_owned(),
                key: self.uuid.to_string().into_bytes(),
                payload: payload.clone().into_bytes(),
                headers: std::collections::HashMap::new(),
            });
        }
    }

    async fn change(&self) {
        let world = &self.world;
        if world.chance(0.1) {
            return;
        }
        tokio::time::sleep(world.millis(0, 5_000)).await;
        self.insist(Wish::Create(self.name())).await;
        for _ in 0..world.pick(|rng| rng.random_range(0..3)) {
            tokio::time::sleep(world.millis(500, 8_000)).await;
            match world.pick(|rng| rng.random_range(0..10)) {
                0..=5 => self.update().await,
                6..=7 => self.insist(Wish::Revoke).await,
                8 => {
                    futures::join!(self.update(), self.insist(Wish::Revoke));
                }
                _ => self.insist(Wish::Erase).await,
            }
        }
    }

    async fn update(&self) {
        let known = self.world.stores.customers.find(UserId::new(self.uuid)).await.ok().flatten();
        if let Some(known) = known {
            self.insist(Wish::Update(self.name(), known.customer.version)).await;
        }
    }

    fn name(&self) -> &'static str {
        if self.world.chance(0.3) { DECLINED } else { "Ann" }
    }

    /// Repeats the request until there is a definite answer.
    async fn insist(&self, wish: Wish) {
        let (world, user) = (&self.world, UserId::new(self.uuid));
        for _ in 0..MAX_TRIES {
            let answer =
                world.call(Name::Customers, Serves::customers, CALL_TIMEOUT, |service| serve(service, user, wish));
            let answer = answer.await;
            let status = answer.as_ref().map(|answer| answer.as_ref().map(|known| known.customer.version));
            world.note(format_args!(
                "{wish:?} of customer {user} is answered {}",
                match &status {
                    Ok(Ok(version)) => format!("version {version}"),
                    Ok(Err(error)) => error.to_string(),
                    Err(lost) => format!("{lost:?}"),
                }
            ));
            match answer {
                Ok(Ok(_) | Err(Error::NotFound | Error::Refused(_))) => return,
                Ok(Err(Error::Database(DatabaseError::Unavailable(_)))) | Err(Lost::Refused | Lost::Silent) => {}
                Ok(Err(error)) => {
                    locked(&world.stores.problems).push(format!("{wish:?} was answered {error}"));
                    return;
                }
            }
            tokio::time::sleep(world.millis(200, 2_000)).await;
        }
        if world.healed() {
            locked(&world.stores.problems).push(format!("{wish:?} gets no definite answer"));
        }
    }
}

async fn serve(service: CustomerService, user: UserId, wish: Wish) -> Result<Known, Error> {
    match wish {
        Wish::Create(name) => service.create(user, &profile(name)).await,
        Wish::Update(name, version) => service.update(user, &profile(name), version).await,
        Wish::Revoke => service.revoke(user, None, &Author::part("simulation")).await,
        Wish::Erase => service.erase(user).await,
    }
}

fn profile(name: &str) -> Profile {
    let birth_date = BirthDate::parse("1990-12-31", NaiveDate::MAX).expect("a date");
    Profile { name: Text::new(name).expect("a name"), address: Address::default(), birth_date }
}

/// Returns a pending check or credit, once no other work is pending.
pub fn unfinished(world: &World) -> Option<String> {
    let all = world.stores.customers.all();
    if let Some(customer) = all.iter().find(|customer| customer.status() == KycStatus::Pending) {
        return Some(format!("customer {} is checked", customer.id));
    }
    let is_known = |loan: &Loan| all.iter().any(|customer| customer.id == loan.customer);
    let open = world.stores.customers.all_loans().into_iter().find(|(loan, _)| match loan.status {
        LoanStatus::Crediting => true,
        LoanStatus::Held => is_known(loan),
        LoanStatus::Credited | LoanStatus::Refused => false,
    });
    open.map(|(loan, _)| format!("loan {} is {}", loan.id, loan.status.as_str()))
}

/// Adds all facts about customers for the auditor.
pub fn add_to(found: &mut audit::Facts, world: &World, at: DateTime<Utc>) {
    let customers = &world.stores.customers;
    let status = |status: KycStatus| facts::KycStatus::parse(status.as_str()).expect("a status");
    found.customers = customers
        .all()
        .iter()
        .map(|customer| facts::Customer {
            uuid: customer.id.uuid(),
            status: status(customer.status()),
            version: customer.version,
            has_profile: customer.profile().is_some(),
        })
        .collect();
    found.customer_versions = customers
        .versions()
        .into_iter()
        .map(|(customer, version, known)| facts::CustomerVersion {
            customer: customer.uuid(),
            version,
            status: status(known),
            is_signed: true,
            at,
        })
        .collect();
    found.loans = customers
        .all_loans()
        .into_iter()
        .map(|(loan, version)| facts::Loan {
            id: loan.id.to_string(),
            customer: loan.customer.uuid(),
            amount: loan.amount.minor(),
            status: facts::LoanStatus::parse(loan.status.as_str()).expect("a status"),
            version,
            since: at,
            credited_at: None,
        })
        .collect();
    let credit = |credit: Credit| facts::Credit {
        reference: credit.reference.as_str().to_owned(),
        user: credit.user.uuid(),
        amount: credit.amount.minor(),
    };
    found.credits = world.stores.books.credits().into_iter().map(credit).collect();
}

/// Returns how many loans were credited, refused and held, and a problem for each loan that was either approved or
/// stored, but not both.
pub fn loans(world: &World) -> ([usize; 3], Vec<String>) {
    let all = world.stores.customers.all_loans();
    let count = |status: LoanStatus| all.iter().filter(|(loan, _)| loan.status == status).count();
    let there: BTreeSet<String> = all.iter().map(|(loan, _)| loan.id.to_string()).collect();
    let approved = locked(&world.stores.approved);
    let wrong = approved.symmetric_difference(&there).map(|loan| format!("loan {loan} is not both approved and there"));
    ([count(LoanStatus::Credited), count(LoanStatus::Refused), count(LoanStatus::Held)], wrong.collect())
}

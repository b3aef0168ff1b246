//! Use cases with in-memory dependencies, in virtual time.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use contracts::ids::UserId;
use customers::{
    client::{MemoryChecker, MemoryPayment},
    error::Error,
    model::{Customer, Event, KycStatus, Loan, LoanId, LoanStatus, NewLoan, Reason, Refusal},
    repository::{Customers, Decided, DueCheck, Known, Loans, MemoryRepository, Position, Saved},
    service::CustomerService,
};
use metrics_exporter_prometheus::PrometheusBuilder;
use platform::{
    auth::{Author, Caller, User},
    outbox::Waker,
};
use testkit::MemoryLog;
use tokio::time::sleep;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::Level;

use crate::{loan, new_customer, profile};

const HOLD: Duration = Duration::from_hours(24);

struct Fixture {
    service: CustomerService,
    checker: MemoryChecker,
    payment: MemoryPayment,
    _jobs: Vec<AbortOnDropHandle<()>>,
}

fn fixture() -> Fixture {
    let (checker, payment) = (MemoryChecker::default(), MemoryPayment::default());
    checker.decline("Mallory");
    let repository = Arc::new(MemoryRepository::default());
    let service =
        CustomerService::new(repository, Arc::new(checker.clone()), Arc::new(payment.clone()), Waker::default(), HOLD);
    let stop = CancellationToken::new();
    let (checks, credits, sweep) = (service.clone(), service.clone(), service.clone());
    let until = stop.clone();
    let checks = tokio::spawn(async move { checks.check_customers(until).await });
    let credits = tokio::spawn(async move { credits.credit_loans(stop).await });
    let sweep = tokio::spawn(async move {
        loop {
            sweep.decide_loans().await.expect("memory does not fail");
            sweep.refuse_loans().await.expect("memory does not fail");
            sleep(Duration::from_secs(1)).await;
        }
    });
    let jobs = [checks, credits, sweep].map(AbortOnDropHandle::new).into();
    Fixture { service, checker, payment, _jobs: jobs }
}

impl Fixture {
    async fn customer(&self, id: UserId) -> Known {
        self.service.show(&Caller::Service("test".to_owned()), id).await.unwrap()
    }

    async fn status(&self, id: UserId) -> (KycStatus, i64) {
        let known = self.customer(id).await;
        (known.customer.status(), known.customer.version)
    }

    async fn loans(&self, id: UserId) -> Vec<LoanStatus> {
        let loans = self.service.list_loans(&Caller::Service("test".to_owned()), id).await.unwrap();
        loans.into_iter().map(|loan| loan.status).collect()
    }

    async fn verified(&self) -> UserId {
        let id = new_customer();
        self.service.create(id, &profile("Ann")).await.unwrap();
        settle().await;
        assert_eq!(self.status(id).await, (KycStatus::Verified, 2));
        id
    }
}

/// Waits until each job has run.
async fn settle() {
    sleep(Duration::from_millis(1_100)).await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_checker_refuses_nobody_and_is_asked_again_under_the_same_key() {
    let fixture = fixture();
    fixture.checker.set_away(true);
    let id = new_customer();
    fixture.service.create(id, &profile("Mallory")).await.unwrap();

    sleep(Duration::from_mins(10)).await;
    assert_eq!(fixture.status(id).await, (KycStatus::Pending, 1));
    let asked = fixture.checker.asked();
    assert!(asked.len() > 50 && asked.iter().all(|key| *key == format!("{id}/1")), "{}", asked.len());
    fixture.checker.set_away(false);
    sleep(Duration::from_secs(15)).await;

    assert_eq!(fixture.status(id).await, (KycStatus::Rejected, 2));
}

#[tokio::test(start_paused = true)]
async fn a_refused_update_brings_the_verified_data_back() {
    let fixture = fixture();
    let id = fixture.verified().await;

    fixture.service.update(id, &profile("Mallory"), 2).await.unwrap();
    let again = fixture.service.update(id, &profile("Bob"), 2).await.unwrap_err();
    settle().await;

    assert!(matches!(again, Error::Refused(Refusal::InProgress)));
    let known = fixture.customer(id).await.customer;
    assert_eq!((known.status(), known.version, known.profile()), (KycStatus::Verified, 4, Some(&profile("Ann"))));
    assert_eq!(known.why.unwrap().reason, Reason::RolledBack);
}

#[tokio::test(start_paused = true)]
async fn a_loan_is_credited_once_however_often_it_comes() {
    let fixture = fixture();
    let id = fixture.verified().await;

    for _ in 0..5 {
        fixture.service.receive_loan(&loan("one", id, 650_000)).await.unwrap();
        settle().await;
    }

    assert_eq!(fixture.payment.credited(id), 650_000);
    assert_eq!(fixture.loans(id).await, [LoanStatus::Credited]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_of_payment_is_asked_for_again() {
    let fixture = fixture();
    let id = fixture.verified().await;
    fixture.payment.set_silent(true);
    fixture.service.receive_loan(&loan("one", id, 100)).await.unwrap();
    sleep(Duration::from_mins(1)).await;
    assert_eq!(fixture.loans(id).await, [LoanStatus::Crediting]);

    // The loan was decided before the revocation, so it is still credited.
    fixture.service.revoke(id, None, &Author::part("test")).await.unwrap();
    fixture.payment.set_silent(false);
    sleep(Duration::from_secs(15)).await;

    assert_eq!((fixture.payment.credited(id), fixture.loans(id).await), (100, vec![LoanStatus::Credited]));
}

#[tokio::test(start_paused = true)]
async fn a_loan_before_its_customer_is_held_and_then_credited_or_refused() {
    let fixture = fixture();
    let (ann, mallory) = (new_customer(), new_customer());
    for (name, id) in [("a", ann), ("b", mallory)] {
        fixture.service.receive_loan(&loan(name, id, 100)).await.unwrap();
    }
    settle().await;
    assert_eq!(fixture.loans(ann).await, [LoanStatus::Held]);

    fixture.service.create(ann, &profile("Ann")).await.unwrap();
    fixture.service.create(mallory, &profile("Mallory")).await.unwrap();
    settle().await;

    assert_eq!((fixture.loans(ann).await, fixture.payment.credited(ann)), (vec![LoanStatus::Credited], 100));
    assert_eq!((fixture.loans(mallory).await, fixture.payment.credited(mallory)), (vec![LoanStatus::Refused], 0));
    fixture.service.revoke(ann, None, &Author::part("test")).await.unwrap();
    fixture.service.receive_loan(&loan("c", ann, 100)).await.unwrap();
    settle().await;
    assert_eq!(fixture.loans(ann).await, [LoanStatus::Credited, LoanStatus::Refused]);
    assert_eq!(fixture.payment.credited(ann), 100);
}

#[tokio::test(start_paused = true)]
async fn a_hold_ends_for_users_who_are_no_customers_alone() {
    let fixture = fixture();
    fixture.checker.set_away(true);
    let (unknown, pending) = (new_customer(), new_customer());
    fixture.service.create(pending, &profile("Ann")).await.unwrap();
    for (name, id) in [("a", unknown), ("b", pending)] {
        fixture.service.receive_loan(&loan(name, id, 100)).await.unwrap();
    }

    sleep(Duration::from_secs(HOLD.as_secs() - 5)).await;
    assert_eq!(fixture.loans(unknown).await, [LoanStatus::Held]);
    sleep(Duration::from_secs(10)).await;

    assert_eq!(fixture.loans(unknown).await, [LoanStatus::Refused]);
    assert_eq!(fixture.loans(pending).await, [LoanStatus::Held]);
}

#[tokio::test(start_paused = true)]
async fn no_line_about_an_erased_customer_or_its_loans_has_its_id() {
    let fixture = fixture();
    let (log, _guard) = MemoryLog::capture(Level::DEBUG);
    let id = fixture.verified().await;
    fixture.payment.set_away(true);
    fixture.service.receive_loan(&loan("earlier", id, 100)).await.unwrap();
    settle().await;
    let before = log.text().len();

    fixture.service.erase(id).await.unwrap();
    sleep(Duration::from_mins(1)).await;
    fixture.payment.set_away(false);
    sleep(Duration::from_mins(1)).await;
    fixture.service.receive_loan(&loan("later", id, 100)).await.unwrap();
    settle().await;

    assert_eq!(fixture.loans(id).await, [LoanStatus::Credited, LoanStatus::Refused]);
    let log = log.text().split_off(before);
    for line in ["customer changed", "loan not credited", "loan credited", "loan received"] {
        assert!(log.contains(line), "no {line}: {log}");
    }
    assert!(!log.contains(&id.to_string()), "{log}");
}

#[tokio::test(start_paused = true)]
async fn an_erased_customer_is_blank_and_begins_anew() {
    let fixture = fixture();
    let id = fixture.verified().await;

    fixture.service.erase(id).await.unwrap();
    fixture.service.erase(id).await.unwrap();
    assert_eq!(fixture.status(id).await, (KycStatus::Erased, 3));
    assert_eq!(fixture.customer(id).await.customer.profile(), None);
    let anew = fixture.service.create(id, &profile("Bob")).await.unwrap();

    assert_eq!((anew.customer.status(), anew.customer.version), (KycStatus::Pending, 4));
    let during = fixture.service.erase(id).await.unwrap().customer;
    assert_eq!((during.status(), during.version, during.profile()), (KycStatus::Erased, 5, None));
    let stranger = Caller::User(User::plain(platform::ids::random()));
    assert!(matches!(fixture.service.show(&stranger, id).await, Err(Error::NotFound)));
}

/// A repository whose next saves write nothing and have the outcomes `saves`, the last one first. Its loans are
/// unavailable.
#[derive(Default)]
struct Faulty {
    customers: MemoryRepository,
    saves: Mutex<Vec<Result<Option<Saved>, Error>>>,
}

fn unavailable<T>() -> Result<T, Error> {
    Err(sqlx::Error::PoolTimedOut.into())
}

#[async_trait]
impl Customers for Faulty {
    async fn find(&self, customer: UserId) -> Result<Option<Known>, Error> {
        self.customers.find(customer).await
    }

    async fn save(&self, before: Option<i64>, customer: &Customer, event: &Event) -> Result<Option<Saved>, Error> {
        let fault = self.saves.lock().unwrap().pop();
        match fault {
            Some(outcome) => outcome,
            None => self.customers.save(before, customer, event).await,
        }
    }

    async fn due_checks(&self, limit: i64) -> Result<Vec<DueCheck>, Error> {
        self.customers.due_checks(limit).await
    }
}

#[async_trait]
impl Loans for Faulty {
    async fn receive(&self, _: &NewLoan) -> Result<Option<LoanStatus>, Error> {
        unavailable()
    }

    async fn decide_held(&self, _: Option<&Position>, _: i64) -> Result<Decided, Error> {
        unavailable()
    }

    async fn refuse_unknown(&self, _: Duration, _: Option<&Position>, _: i64) -> Result<Decided, Error> {
        unavailable()
    }

    async fn due_credits(&self, _: i64) -> Result<Vec<(Loan, Duration)>, Error> {
        unavailable()
    }

    async fn credited(&self, _: &LoanId) -> Result<bool, Error> {
        unavailable()
    }

    async fn list(&self, _: UserId) -> Result<Vec<Loan>, Error> {
        unavailable()
    }
}

#[tokio::test(start_paused = true)]
async fn a_verdict_that_could_not_be_written_is_counted_once() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let (repository, checker) = (Arc::new(Faulty::default()), MemoryChecker::default());
    let (asked, payment) = (Arc::new(checker.clone()), Arc::new(MemoryPayment::default()));
    let service = CustomerService::new(repository.clone(), asked, payment, Waker::default(), HOLD);
    let id = new_customer();
    service.create(id, &profile("Ann")).await.unwrap();
    // At the first save, PostgreSQL is unavailable; before the second, another replica or an operator decides.
    *repository.saves.lock().unwrap() = vec![Ok(None), unavailable()];
    checker.set_away(true);

    let checks = service.clone();
    let checks = tokio::spawn(async move { checks.check_customers(CancellationToken::new()).await });
    let _checks = AbortOnDropHandle::new(checks);
    settle().await;
    checker.set_away(false);
    sleep(Duration::from_mins(1)).await;

    assert_eq!(checker.asked().len(), 4);
    assert_eq!(repository.find(id).await.unwrap().unwrap().customer.status(), KycStatus::Verified);
    let rendered = recorder.handle().render();
    for outcome in ["approved", "unknown"] {
        let line = format!("kyc_checks_total{{outcome=\"{outcome}\"}} 1\n");
        assert!(rendered.contains(&line), "{rendered} lacks {line}");
    }
}

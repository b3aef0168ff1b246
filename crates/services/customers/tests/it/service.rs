//! Use cases over PostgreSQL, with a checker and a payment service that fail.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use contracts::ids::UserId;
use customers::{
    error::Error,
    model::{Customer, Event, KycStatus, Loan, LoanId, LoanStatus, NewLoan},
    repository::{Customers, Decided, DueCheck, Known, LoanPage, Loans, MIGRATIONS, PgRepository, Position, Saved},
    service::CustomerService,
};
use metrics_exporter_prometheus::PrometheusBuilder;
use platform::{auth::Caller, outbox::Waker, postgres::Database};
use testkit::{MemoryLog, eventually};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::Level;

use crate::{
    fakes::{Checker, Payment},
    loan, new_customer, profile,
};

const HOLD: Duration = Duration::from_hours(24);

/// Makes all checks and credits due, which otherwise wait for longer with each try.
async fn hurry(pool: &Database) {
    for statement in ["update kyc_checks set next_try_at = now()", "update loans set next_try_at = now()"] {
        sqlx::query(statement).execute(pool).await.unwrap();
    }
}

#[tokio::test]
async fn no_line_about_an_erased_customer_or_its_loans_has_its_id() {
    let pool = testkit::database(&MIGRATIONS).await.pool;
    let (repository, payment) = (Arc::new(PgRepository::new(pool.clone())), Payment::default());
    let service =
        CustomerService::new(repository, Arc::<Checker>::default(), Arc::new(payment.clone()), Waker::default(), HOLD);
    let (checks, credits) = (service.clone(), service.clone());
    let jobs = [
        tokio::spawn(async move { checks.check_customers(CancellationToken::new()).await }),
        tokio::spawn(async move { credits.credit_loans(CancellationToken::new()).await }),
    ];
    let _jobs = jobs.map(AbortOnDropHandle::new);
    let (log, _guard) = MemoryLog::capture(Level::DEBUG);
    let (id, reader) = (new_customer(), Caller::Service("test".to_owned()));
    service.create(id, &profile("Ann")).await.unwrap();
    eventually(async || {
        let known = service.show(&reader, id).await.unwrap();
        (known.customer.status() == KycStatus::Verified).then_some(())
    })
    .await;
    payment.set_away(true);
    service.receive_loan(&loan("earlier", id, 100)).await.unwrap();
    eventually(async || log.text().contains("loan not credited").then_some(())).await;

    let before = log.text().len();
    service.erase(id).await.unwrap();
    let says = async |line: &str| {
        eventually(async || {
            hurry(&pool).await;
            log.text().split_off(before).contains(line).then_some(())
        })
        .await;
    };
    says("loan not credited").await;
    payment.set_away(false);
    says("loan credited").await;
    service.receive_loan(&loan("later", id, 100)).await.unwrap();
    says("loan received").await;

    let loans = service.list_loans(&reader, id, None, 10).await.unwrap().0;
    let statuses: Vec<LoanStatus> = loans.iter().map(|loan| loan.status).collect();
    assert_eq!(statuses, [LoanStatus::Refused, LoanStatus::Credited]);
    let log = log.text().split_off(before);
    assert!(log.contains("customer changed") && !log.contains(&id.to_string()), "{log}");
}

/// A repository whose next saves write nothing and have the outcomes `saves`, the last one first. Its loans are
/// unavailable.
struct Faulty {
    customers: PgRepository,
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

    async fn end_credit(&self, _: &LoanId, _: Option<&str>) -> Result<bool, Error> {
        unavailable()
    }

    async fn list(&self, _: UserId, _: Option<&LoanId>, _: u32) -> Result<LoanPage, Error> {
        unavailable()
    }
}

#[tokio::test]
async fn a_verdict_that_could_not_be_written_is_counted_once() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let (pool, checker) = (testkit::database(&MIGRATIONS).await.pool, Checker::default());
    let repository = Arc::new(Faulty { customers: PgRepository::new(pool.clone()), saves: Mutex::default() });
    let (asked, payment) = (Arc::new(checker.clone()), Arc::<Payment>::default());
    let service = CustomerService::new(repository.clone(), asked, payment, Waker::default(), HOLD);
    let id = new_customer();
    service.create(id, &profile("Ann")).await.unwrap();
    // At the first save, PostgreSQL is unavailable; before the second, another replica or an operator decides.
    *repository.saves.lock().unwrap() = vec![Ok(None), unavailable()];
    checker.set_away(true);

    let checks = service.clone();
    let checks = tokio::spawn(async move { checks.check_customers(CancellationToken::new()).await });
    let _checks = AbortOnDropHandle::new(checks);
    eventually(async || (checker.asked().len() == 1).then_some(())).await;
    checker.set_away(false);
    eventually(async || {
        hurry(&pool).await;
        let known = repository.find(id).await.unwrap().unwrap();
        (known.customer.status() == KycStatus::Verified).then_some(())
    })
    .await;

    assert!(checker.asked().len() >= 4);
    // A check is counted after its verdict is written.
    for outcome in ["approved", "unknown"] {
        let line = format!("kyc_checks_total{{outcome=\"{outcome}\"}} 1\n");
        eventually(async || recorder.handle().render().contains(&line).then_some(())).await;
    }
}

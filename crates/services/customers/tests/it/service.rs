//! Use cases over PostgreSQL, with a payment service that fails.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use customers::{
    client::{BuiltIn, CreditError, Credits},
    model::{KycStatus, Loan, LoanStatus},
    repository::{MIGRATIONS, PgRepository},
    service::CustomerService,
};
use outbox::Waker;
use platform::{auth::Caller, postgres::Database};
use testkit::{MemoryLog, eventually, new_user};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::Level;

use crate::{loan, profile};

/// A payment service that fails as a test configures it; clones share its state.
#[derive(Clone, Default)]
pub struct Payment {
    is_unavailable: Arc<AtomicBool>,
}

impl Payment {
    /// Makes the service unavailable or available.
    pub fn set_unavailable(&self, is_unavailable: bool) {
        self.is_unavailable.store(is_unavailable, Ordering::Release);
    }
}

#[async_trait]
impl Credits for Payment {
    async fn credit(&self, _: &Loan) -> Result<(), CreditError> {
        if self.is_unavailable.load(Ordering::Acquire) {
            return Err(CreditError::Unavailable("set by the test".to_owned()));
        }
        Ok(())
    }
}

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
    let (repository, checker) = (PgRepository::new(pool.clone()), Arc::new(BuiltIn::default()));
    let payment = Payment::default();
    let service = CustomerService::new(repository, checker, Arc::new(payment.clone()), Waker::default(), HOLD);
    let (checks, credits) = (service.clone(), service.clone());
    let jobs = [
        tokio::spawn(async move { checks.check_customers(CancellationToken::new()).await }),
        tokio::spawn(async move { credits.credit_loans(CancellationToken::new()).await }),
    ];
    let _jobs = jobs.map(AbortOnDropHandle::new);
    let (log, _guard) = MemoryLog::capture(Level::DEBUG);
    let (id, reader) = (new_user(), Caller::Service("test".to_owned()));
    service.create(id, &profile("Ann")).await.unwrap();
    eventually(async || {
        let known = service.show(&reader, id).await.unwrap();
        (known.customer.status() == KycStatus::Verified).then_some(())
    })
    .await;
    payment.set_unavailable(true);
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
    payment.set_unavailable(false);
    says("loan credited").await;
    service.receive_loan(&loan("later", id, 100)).await.unwrap();
    says("loan received").await;

    let loans = service.list_loans(&reader, id, None, 10).await.unwrap().0;
    let statuses: Vec<LoanStatus> = loans.iter().map(|loan| loan.status).collect();
    assert_eq!(statuses, [LoanStatus::Refused, LoanStatus::Credited]);
    let log = log.text().split_off(before);
    assert!(log.contains("customer changed") && !log.contains(&id.to_string()), "{log}");
}

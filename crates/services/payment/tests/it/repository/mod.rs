//! The contract of the stores, over the in-memory twin and PostgreSQL.

mod attempts;
mod cancellations;
mod due;

use std::{sync::Arc, time::Duration};

use contracts::ids::TransactionId;
use payment::{
    error::Error,
    model::{Decline, DirectPayment, Intent, Method, Outcome, Payment, Status, VoidResult},
    repository::{
        Begun, Cause, DirectPayments, MIGRATIONS, MemoryPayments, Payments, PgDirectPayments, PgPayments, Unfinished,
    },
};
use platform::postgres::Database;

use crate::{again, contract::contract, intent, money, new_event, new_order, new_transaction, new_user};

fn cause() -> Cause {
    Cause { consumer: "consumer", event: new_event() }
}

struct Fixture {
    payments: Arc<dyn Payments>,
    direct_payments: Arc<dyn DirectPayments>,
    pool: Option<Database>,
}

fn memory() -> Fixture {
    let payments = Arc::new(MemoryPayments::default());
    Fixture { payments: payments.clone(), direct_payments: payments, pool: None }
}

async fn postgres() -> Fixture {
    let pool = testkit::database(&MIGRATIONS).await.pool;
    let payments = Arc::new(PgPayments::new(pool.clone()));
    let direct_payments = Arc::new(PgDirectPayments::new(pool.clone()));
    Fixture { payments, direct_payments, pool: Some(pool) }
}

impl Fixture {
    async fn begin(&self, intent: &Intent) -> Payment {
        match self.payments.begin(intent).await.unwrap() {
            Begun::New(payment) => payment,
            other => panic!("not recorded: {other:?}"),
        }
    }

    async fn settled(&self, intent: &Intent, outcome: &Outcome) -> Payment {
        self.begin(intent).await;
        self.payments.settle(intent.transaction, outcome).await.unwrap()
    }

    async fn due(&self) -> Vec<TransactionId> {
        let due = self.payments.due(10).await.unwrap();
        due.into_iter().map(|(payment, _)| payment.intent.transaction).collect()
    }

    async fn elapse(&self, time: Duration) {
        match &self.pool {
            None => tokio::time::advance(time).await,
            Some(pool) => {
                sqlx::query!(
                    "update payments set next_try_at = next_try_at - make_interval(secs => $1)",
                    time.as_secs_f64(),
                )
                .execute(pool)
                .await
                .unwrap();
            }
        }
    }
}

fn charged() -> Outcome {
    Outcome::Charged { reference: "reference".to_owned() }
}

fn declined() -> Outcome {
    Outcome::Declined(Decline::Declined)
}

fn reference() -> String {
    "reference".to_owned()
}

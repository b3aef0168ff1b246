//! The contract suite of the stores, run over the in-memory implementation and PostgreSQL.

mod attempts;
mod due;
mod events;
mod partial_refunds;

use std::{collections::HashMap, sync::Arc, time::Duration};

use contracts::{events::PaymentCompleted, ids::TransactionId};
use outbox::{MemoryOutbox, Outbox};
use payment::{
    error::Error,
    model::{ChargeOutcome, Decline, Intent, Method, Payment, RefundRequest, Status, VoidResult},
    repository::{Begun, MIGRATIONS, MemoryPayments, Payments, PgPayments, UNKNOWN_AFTER, Unfinished},
};
use platform::{
    kafka::Message,
    postgres::{Database, outbox_of},
};
use testkit::{new_cause, new_order, new_transaction};

use crate::{again, intent, money};

struct Fixture {
    payments: Arc<dyn Payments>,
    outbox: Arc<dyn Outbox>,
    pool: Option<Database>,
}

fn memory() -> Fixture {
    let payments = Arc::new(MemoryPayments::default());
    let outbox: MemoryOutbox = payments.outbox.clone();
    Fixture { payments, outbox: Arc::new(outbox), pool: None }
}

async fn postgres() -> Fixture {
    let pool = testkit::database(&MIGRATIONS).await.pool;
    let payments = Arc::new(PgPayments::new(pool.clone()));
    let outbox = Arc::new(outbox_of(&pool, "test"));
    Fixture { payments, outbox, pool: Some(pool) }
}

impl Fixture {
    async fn begin(&self, intent: &Intent) -> Payment {
        match self.payments.begin(intent).await.unwrap() {
            Begun::New(payment) => payment,
            other => panic!("not recorded: {other:?}"),
        }
    }

    async fn settled(&self, intent: &Intent, outcome: &ChargeOutcome) -> Payment {
        self.begin(intent).await;
        self.payments.settle(intent, outcome).await.unwrap().0
    }

    /// Returns the events in the outbox, in publishing order.
    async fn events(&self) -> Vec<PaymentCompleted> {
        let rows = self.outbox.unpublished(100, &[]).await.expect("the outbox can be read");
        let events = rows.into_iter().map(|row| {
            let headers = HashMap::from([("event-type".to_owned(), row.event_type)]).into();
            let message = Message { payload: row.payload, headers, ..Message::default() };
            let read = contracts::events::read::<PaymentCompleted>(&message).expect("a PaymentCompleted");
            assert_eq!((read.id.uuid(), read.subject.order.uuid()), (row.event_uuid, row.key));
            read.event
        });
        events.collect()
    }

    async fn unfinished(&self) -> Unfinished {
        self.payments.unfinished(100).await.unwrap()
    }

    async fn due(&self) -> Vec<TransactionId> {
        let due = self.payments.due(10).await.unwrap();
        due.into_iter().map(|(payment, _)| payment.intent.transaction).collect()
    }

    async fn elapse(&self, time: Duration) {
        match &self.pool {
            None => tokio::time::advance(time).await,
            Some(pool) => {
                for table in ["payments", "partial_refunds"] {
                    sqlx::query(sqlx::AssertSqlSafe(format!(
                        "update {table} set next_try_at = next_try_at - make_interval(secs => $1),
                            created_at = created_at - make_interval(secs => $1)",
                    )))
                    .bind(time.as_secs_f64())
                    .execute(pool)
                    .await
                    .unwrap();
                }
            }
        }
    }
}

/// The backoff before a refund is continued.
const BACKOFF: Duration = Duration::from_secs(2);

fn charged() -> ChargeOutcome {
    ChargeOutcome::Charged { reference: "reference".to_owned() }
}

fn declined() -> ChargeOutcome {
    ChargeOutcome::Declined(Decline::Declined)
}

fn refunding_first() -> Status {
    Status::Refunding { reference: reference(), request: RefundRequest::FIRST }
}

fn reference() -> String {
    "reference".to_owned()
}

//! Concurrency tests over PostgreSQL, checked against the ledger's entries.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use contracts::ids::{OrderId, TransactionId, UserId};
use futures::future::join_all;
use outbox::Waker;
use payment::{
    client::{Declines, Ledger, Provider as _, Providers},
    error::Error,
    model::{Intent, Method},
    repository::{Begun, MIGRATIONS, Payments as _, PgPayments, Unfinished},
    service::{Charge, PaymentService},
};
use platform::postgres::{Database, DatabaseError};
use testkit::{new_cause, new_order, new_transaction, new_user};
use tokio_util::sync::CancellationToken;

use crate::{INITIAL_BALANCE, intent, money};

struct Fixture {
    pool: Database,
    service: PaymentService,
}

async fn fixture() -> Fixture {
    let pool = testkit::database(&MIGRATIONS).await.pool;
    let ledger = Ledger::new(pool.clone(), money(INITIAL_BALANCE), Declines::default());
    let providers = Providers::new(Arc::new(ledger), None);
    let service = service_over(&pool, providers);
    Fixture { pool, service }
}

fn service_over(pool: &Database, providers: Providers) -> PaymentService {
    PaymentService::new(Arc::new(PgPayments::new(pool.clone())), providers, Waker::default())
}

#[tokio::test]
async fn an_inconsistent_payment_ends_no_statement_and_holds_up_no_other() {
    let fixture = fixture().await;
    let payments = PgPayments::new(fixture.pool.clone());
    let (user, mut made) = (new_user(), Vec::new());
    for _ in 0..3 {
        let Begun::New(payment) = payments.begin(&Intent { user, ..intent(Method::Card) }).await.unwrap() else {
            panic!("the payment is new")
        };
        made.push(payment);
    }
    made.sort_by_key(|payment| std::cmp::Reverse((payment.created_at, payment.intent.transaction)));
    sqlx::query(
        "update payments set next_try_at = now(),
            amount = case when transaction_uuid = $1 then $2::bigint else amount end",
    )
    .bind(made[0].intent.transaction.uuid())
    .bind(contracts::money::MAX + 1)
    .execute(&fixture.pool)
    .await
    .unwrap();

    let (first, next) = payments.page(user, None, 2).await.unwrap();
    let (second, end) = payments.page(user, next, 2).await.unwrap();

    assert_eq!(first, made[1..2]);
    assert_eq!((second.as_slice(), end), (&made[2..], None));
    assert_eq!(payments.due(10).await.unwrap().len(), 2);
}

fn charge(method: Method) -> Charge {
    Charge { order: new_order(), attempt: NonZeroU32::MIN, user: new_user(), method, amount: money(1000) }
}

fn attempt(charge: &Charge, attempt: u32) -> Charge {
    Charge { attempt: NonZeroU32::new(attempt).unwrap(), ..*charge }
}

impl Fixture {
    async fn pay(&self, charge: &Charge) -> Result<TransactionId, Error> {
        self.service.pay(charge, new_transaction()).await
    }

    /// Executes the charges concurrently, each in its own task.
    async fn pay_all(&self, charges: Vec<Charge>) -> Vec<Result<TransactionId, Error>> {
        let payments = charges.into_iter().map(|charge| {
            let service = self.service.clone();
            tokio::spawn(async move { service.pay(&charge, new_transaction()).await })
        });
        join_all(payments).await.into_iter().map(Result::unwrap).collect()
    }

    /// Returns the numbers of charges and refunds of an order in the ledger.
    async fn movements(&self, order: OrderId) -> (i64, i64) {
        let row = sqlx::query!(
            r#"select count(*) filter (where kind = 'charge') as "charges!", count(*) filter (where kind = 'refund') as "refunds!"
            from ledger_entries where order_uuid = $1"#,
            order.uuid(),
        );
        let row = row.fetch_one(&self.pool).await.unwrap();
        (row.charges, row.refunds)
    }

    async fn balance(&self, user: UserId) -> i64 {
        let balance = sqlx::query_scalar!("select balance from balances where user_uuid = $1", user.uuid());
        balance.fetch_one(&self.pool).await.unwrap()
    }

    /// Makes all unfinished payments due and runs the job that finishes them.
    async fn finish(&self) {
        let past = sqlx::query!("update payments set next_try_at = now() where status in ('pending', 'refunding')");
        past.execute(&self.pool).await.unwrap();
        let stop = CancellationToken::new();
        let done = async {
            // The job also finishes the payments that it has taken before `stop`.
            tokio::time::sleep(Duration::from_millis(200)).await;
            stop.cancel();
        };
        tokio::join!(self.service.finish_payments(stop.clone()), done);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_requests_for_one_attempt_make_one_charge() {
    for method in [Method::InvestorMoney, Method::Card] {
        let fixture = fixture().await;
        let charge = charge(method);

        let transactions = fixture.pay_all(vec![charge; 50]).await;

        let first = *transactions[0].as_ref().unwrap();
        assert!(transactions.into_iter().all(|transaction| transaction.unwrap() == first));
        assert_eq!(fixture.movements(charge.order).await, (1, 0));
        if method == Method::InvestorMoney {
            assert_eq!(fixture.balance(charge.user).await, INITIAL_BALANCE - 1000);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_attempts_for_one_order_make_one_charge() {
    let fixture = fixture().await;
    let charge = charge(Method::InvestorMoney);

    let outcomes = fixture.pay_all((1..=50).map(|number| attempt(&charge, number)).collect()).await;

    let paid: Vec<TransactionId> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok().copied()).collect();
    assert!(!paid.is_empty() && paid.iter().all(|transaction| *transaction == paid[0]));
    for refused in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert!(matches!(refused, Error::InProgress), "{refused:?}");
    }
    assert_eq!(fixture.movements(charge.order).await, (1, 0));
    assert_eq!(fixture.balance(charge.user).await, INITIAL_BALANCE - 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_races_with_the_payment_leaves_nothing_charged() {
    let fixture = fixture().await;

    for _ in 0..100 {
        let charge = charge(Method::InvestorMoney);
        let order = charge.order;
        let service = fixture.service.clone();
        let refund = tokio::spawn(async move {
            service.cancel(new_cause(), order).await?;
            service.refund(order).await
        });
        let outcomes = fixture.pay_all(vec![charge; 3]).await;
        refund.await.unwrap().unwrap();

        fixture.finish().await;

        let (charges, refunds) = fixture.movements(order).await;
        assert_eq!(charges, refunds, "{outcomes:?}");
        assert!(matches!(fixture.pay(&attempt(&charge, 2)).await, Err(Error::Cancelled)));
    }
    let unsettled = sqlx::query_scalar!(
        r#"select count(*) as "count!" from payments where status in ('pending', 'succeeded', 'refunding')"#
    );
    assert_eq!(unsettled.fetch_one(&fixture.pool).await.unwrap(), 0);
    let lowered =
        sqlx::query_scalar!(r#"select count(*) as "count!" from balances where balance <> $1"#, INITIAL_BALANCE);
    assert_eq!(lowered.fetch_one(&fixture.pool).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_between_the_charge_and_its_record_is_one_charge_in_the_end() {
    let fixture = fixture().await;
    let intent = intent(Method::InvestorMoney);
    PgPayments::new(fixture.pool.clone()).begin(&intent).await.unwrap();
    Ledger::new(fixture.pool.clone(), money(INITIAL_BALANCE), Declines::default()).charge(&intent).await.unwrap();

    fixture.finish().await;

    let Intent { transaction, order, user, method, amount, .. } = intent;
    let retry = Charge { order, attempt: NonZeroU32::MIN, user, method, amount };
    assert_eq!(fixture.pay(&retry).await.unwrap(), transaction);
    assert_eq!(fixture.movements(order).await, (1, 0));
    assert_eq!(fixture.balance(user).await, INITIAL_BALANCE - 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_replicas_finish_the_same_refunds_once() {
    let fixture = fixture().await;
    let charges: Vec<Charge> = (0..100).map(|_| charge(Method::InvestorMoney)).collect();
    let payments = PgPayments::new(fixture.pool.clone());
    for charge in &charges {
        fixture.pay(charge).await.unwrap();
        payments.cancel(charge.order, None).await.unwrap();
    }

    let done = CancellationToken::new();
    let replicas = (0..4).map(|_| {
        let service = fixture.service.clone();
        let done = done.clone();
        tokio::spawn(async move { service.finish_payments(done).await })
    });
    let replicas: Vec<_> = replicas.collect();
    while payments.unfinished(100).await.unwrap() != Unfinished::default() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    done.cancel();
    join_all(replicas).await;

    for charge in charges {
        assert_eq!(fixture.movements(charge.order).await, (1, 1));
        assert_eq!(fixture.balance(charge.user).await, INITIAL_BALANCE);
    }
    assert!(payments.due(1).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_unavailable_database_is_not_an_outcome() {
    let nowhere = Database::lazy("test", "URL", &"postgres://nobody@127.0.0.1:1/none".into(), 1).unwrap();
    let ledger = Ledger::new(nowhere.clone(), money(INITIAL_BALANCE), Declines::default());
    let providers = Providers::new(Arc::new(ledger), None);
    let service = service_over(&nowhere, providers);

    let outcome =
        tokio::time::timeout(Duration::from_secs(20), service.pay(&charge(Method::Card), new_transaction())).await;

    assert!(matches!(outcome, Ok(Err(Error::Database(DatabaseError::Unavailable(_))))), "{outcome:?}");
}

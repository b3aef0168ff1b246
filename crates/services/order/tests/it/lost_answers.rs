//! Tests of payments whose statements are executed although their responses are lost, over in-memory implementations.

use std::{io, sync::Arc, time::Duration};

use async_trait::async_trait;
use contracts::{
    events::Cause,
    ids::{OrderId, UserId},
};
use order::{
    client::Fault,
    error::Error,
    model::{AttemptLease, Claim, Order, PaymentMethod, RequestOutcome, Status},
    repository::{Attempts, MemoryOrders, ReportedEnd, Repositories, Settlement},
    service::OrderService,
};
use platform::outbox::Waker;

use crate::ids;
use crate::shop::{PAY_WITHIN, Shop, clients};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Statement {
    Begin,
    Take,
}

/// Attempts in memory. The responses of one kind of statement are lost.
struct Silent {
    orders: MemoryOrders,
    lost: Statement,
}

impl Silent {
    fn response<T>(&self, statement: Statement, response: T) -> Result<T, Error> {
        if self.lost == statement { Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into()).into()) } else { Ok(response) }
    }
}

#[async_trait]
impl Attempts for Silent {
    async fn begin(
        &self,
        user: UserId,
        order: OrderId,
        method: PaymentMethod,
        lease_ttl: Duration,
        claim: Option<&Claim>,
    ) -> Result<Option<(Order, Option<AttemptLease>)>, Error> {
        self.response(Statement::Begin, self.orders.begin(user, order, method, lease_ttl, claim).await?)
    }

    async fn take(
        &self,
        user: UserId,
        order: OrderId,
        attempt: i32,
        pause: Duration,
    ) -> Result<Option<AttemptLease>, Error> {
        self.response(Statement::Take, self.orders.take(user, order, attempt, pause).await?)
    }

    async fn settle(
        &self,
        order: OrderId,
        lease: &AttemptLease,
        settlement: &Settlement,
        outcome: Option<&RequestOutcome>,
    ) -> Result<bool, Error> {
        self.orders.settle(order, lease, settlement, outcome).await
    }

    async fn postpone(&self, order: OrderId, lease: &AttemptLease, pause: Duration) -> Result<(), Error> {
        self.orders.postpone(order, lease, pause).await
    }

    async fn unsettled(&self, limit: i64, pause: Duration) -> Result<Vec<(Order, AttemptLease)>, Error> {
        self.orders.unsettled(limit, pause).await
    }

    async fn long_unsettled(&self, limit: i64) -> Result<i64, Error> {
        self.orders.long_unsettled(limit).await
    }

    async fn settle_once(
        &self,
        cause: Cause,
        order: OrderId,
        attempt: i32,
        reported: &ReportedEnd,
    ) -> Result<bool, Error> {
        self.orders.settle_once(cause, order, attempt, reported).await
    }

    async fn skip(&self, cause: Cause) -> Result<(), Error> {
        self.orders.skip(cause).await
    }
}

/// Returns a shop that loses the responses of this kind of statement, and an order.
async fn silent(lost: Statement) -> (Shop, OrderId) {
    let mut shop = Shop::open();
    let order = shop.order().await;
    let attempts = Arc::new(Silent { orders: shop.orders.clone(), lost });
    let repositories = Repositories { attempts, ..Repositories::new(Arc::new(shop.orders.clone())) };
    let clients = clients(shop.inventory.clone(), shop.payments.clone());
    shop.service = OrderService::new(repositories, clients, Waker::default(), PAY_WITHIN);
    (shop, order)
}

#[tokio::test(start_paused = true)]
async fn a_payment_that_may_have_begun_has_an_unknown_outcome() {
    let (shop, order) = silent(Statement::Begin).await;

    let unknown = shop.service.pay(shop.user, order, PaymentMethod::Card, None).await;
    let open = shop.find(order).await.attempt;
    shop.reconcile(Duration::from_secs(30)).await;

    assert!(matches!(unknown, Err(Error::PaymentOutcomeUnknown)), "{unknown:?}");
    assert_eq!(open.map(|attempt| attempt.number), Some(1));
    assert_eq!((shop.find(order).await.status, shop.payments.charges(order)), (Status::Paid, 1));
}

#[tokio::test(start_paused = true)]
async fn a_repeat_that_cannot_take_its_attempt_over_has_an_unknown_outcome() {
    let (shop, order) = silent(Statement::Take).await;
    let claim = Claim { user: shop.user, key: "key".to_owned(), fingerprint: vec![1], token: ids::random() };
    let pay = || shop.service.pay(shop.user, order, PaymentMethod::Card, Some(&claim));
    shop.payments.script(Fault::ChargedThenSilent);

    let outcomes = [pay().await, pay().await];
    shop.reconcile(Duration::from_secs(30)).await;

    for outcome in outcomes {
        assert!(matches!(outcome, Err(Error::PaymentOutcomeUnknown)), "{outcome:?}");
    }
    assert_eq!((shop.find(order).await.status, shop.payments.charges(order)), (Status::Paid, 1));
}

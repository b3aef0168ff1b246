//! Tests of concurrent requests over PostgreSQL.

use contracts::ids::{PartId, UserId};
use contracts::money::Money;
use futures::future::join_all;
use order::{
    client::{MemoryInventory, MemoryPayments},
    error::Error,
    model::{Claim, NewOrder, PaymentMethod, RequestOutcome, Status},
    repository::{MIGRATIONS, PgOrders},
    service::OrderService,
};
use sqlx::Connection as _;

use crate::ids;
use crate::shop::service;

struct Shop {
    database: testkit::Database,
    payments: MemoryPayments,
    service: OrderService,
    user: UserId,
    part: PartId,
}

async fn shop() -> Shop {
    let database = testkit::database(&MIGRATIONS).await;
    let (inventory, payments) = (MemoryInventory::default(), MemoryPayments::default());
    let part = ids::part();
    inventory.put(part, Money::from_minor(1).unwrap(), 10_000);
    let service = service(PgOrders::new(database.pool.clone()), &inventory, &payments);
    Shop { database, payments, service, user: ids::user(), part }
}

impl Shop {
    async fn order(&self, claim: Option<&Claim>) -> Result<RequestOutcome, Error> {
        let order = NewOrder::new(ids::order(), self.user, vec![self.part]);
        self.service.create(self.user, order, claim).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancel_raced_with_pay_leaves_one_winner_every_time() {
    const ROUNDS: usize = 1000;
    let shop = shop().await;
    let mut won = [0, 0];

    for round in 0..ROUNDS {
        let Ok(RequestOutcome::Created { order, .. }) = shop.order(None).await else { panic!("no order") };
        let pay = shop.service.pay(shop.user, order, PaymentMethod::Card, None);
        let cancel = shop.service.cancel(shop.user, order, None);
        // The two requests alternate in order, because the first may win more often.
        let (paid, cancelled) = if round % 2 == 0 {
            tokio::join!(pay, cancel)
        } else {
            let (cancelled, paid) = tokio::join!(cancel, pay);
            (paid, cancelled)
        };

        let status = shop.service.find(shop.user, order).await.unwrap().status;
        match (paid, cancelled) {
            (Ok(_), Err(Error::Refused(_) | Error::PaymentInProgress)) => {
                assert_eq!((status, shop.payments.charges(order)), (Status::Paid, 1));
                won[0] += 1;
            }
            (Err(Error::Refused(_)), Ok(_)) => {
                assert_eq!((status, shop.payments.charges(order)), (Status::Cancelled, 0));
                won[1] += 1;
            }
            other => panic!("{other:?}"),
        }
    }

    assert!(won[0] + won[1] == ROUNDS && won[0] > 0 && won[1] > 0, "{won:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_payments_at_once_charge_once() {
    let shop = shop().await;
    let Ok(RequestOutcome::Created { order, .. }) = shop.order(None).await else { panic!("no order") };

    let pays = (0..50).map(|_| shop.service.pay(shop.user, order, PaymentMethod::Card, None));
    let results = join_all(pays).await;

    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(shop.payments.charges(order), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_creations_under_one_key_make_one_order() {
    let shop = shop().await;
    let claim = || Claim { user: shop.user, key: "key".to_owned(), fingerprint: vec![1], token: ids::random() };
    let claims: Vec<Claim> = (0..50).map(|_| claim()).collect();

    let results = join_all(claims.iter().map(|claim| shop.order(Some(claim)))).await;

    let mut orders: Vec<_> = results
        .into_iter()
        .filter_map(|result| match result {
            Ok(RequestOutcome::Created { order, .. }) => Some(order),
            Err(Error::KeyInProgress) => None,
            other => panic!("{other:?}"),
        })
        .collect();
    orders.dedup();
    assert_eq!(orders.len(), 1);
    let (page, _) = shop.service.page(shop.user, None, 100).await.unwrap();
    assert_eq!(page.len(), 1);
}

#[tokio::test]
async fn a_locked_order_holds_up_no_other_whose_deadline_has_passed() {
    let shop = shop().await;
    shop.database.pool.set([("lock_timeout", "200ms")]);
    let mut overdue = Vec::new();
    for _ in 0..2 {
        let Ok(RequestOutcome::Created { order, .. }) = shop.order(None).await else { panic!("no order") };
        overdue.push(order);
    }
    let [locked, free] = overdue[..] else { panic!("two orders") };
    sqlx::query("update orders set pay_until = created_at - interval '1 hour'")
        .execute(&shop.database.pool)
        .await
        .unwrap();
    let mut holder = shop.database.pool.connect().await.unwrap();
    let mut held = holder.begin().await.unwrap();
    let lock = "select from orders where uuid = $1 for update";
    sqlx::query(lock).bind(locked.uuid()).execute(&mut *held).await.unwrap();

    let cancelled = shop.service.cancel_overdue_orders().await.unwrap();
    held.rollback().await.unwrap();

    let status = async |order| shop.service.find(shop.user, order).await.unwrap().status;
    assert_eq!(cancelled.count, 1);
    assert_eq!((status(locked).await, status(free).await), (Status::PendingPayment, Status::Cancelled));
}

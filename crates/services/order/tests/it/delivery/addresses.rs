//! Delivery addresses are removed some time after an order has ended, and soon after its user's account has ended.

use std::time::Duration;

use contracts::{
    events::{OrderOf, UserErased},
    ids::UserId,
    money::Money,
};
use order::{
    consumers,
    model::{DeliveryStatus, Order},
    repository::{Addresses, Deliveries as _, MIGRATIONS, Orders as _, PgOrders},
};
use platform::kafka::{Handler as _, Message};

use super::reported;
use crate::{
    contract::{TEXT, cancelled, order_with_texts, write},
    ids,
    shop::PAY_WITHIN,
};

const RETENTION: Duration = Duration::from_hours(90 * 24);

struct Store {
    orders: PgOrders,
    addresses: Addresses,
    pool: platform::postgres::Database,
}

impl Store {
    async fn new() -> Self {
        let pool = testkit::database(&MIGRATIONS).await.pool;
        Self { orders: PgOrders::new(pool.clone()), addresses: Addresses::new(pool.clone()), pool }
    }

    async fn order(&self, user: UserId) -> Order {
        write(&self.orders, &order_with_texts(user), Money::ZERO, PAY_WITHIN, None).await.unwrap()
    }

    async fn cancel(&self, order: &Order) {
        assert!(self.orders.cancel(order.uuid, &cancelled(order), None).await.unwrap());
    }

    async fn arrive(&self, order: &Order) {
        let subject = OrderOf { order: order.uuid, user: order.user };
        assert!(self.orders.store_delivery(ids::cause(), subject, &reported(DeliveryStatus::Delivered)).await.unwrap());
    }

    /// Returns for each order whether a column of its row has a text of its user.
    async fn with_texts(&self, orders: &[&Order]) -> Vec<bool> {
        let mut found = Vec::new();
        for order in orders {
            let has_text = "select strpos(to_jsonb(orders)::text, $2) > 0 from orders where uuid = $1";
            let has_text = sqlx::query_scalar(has_text).bind(order.uuid.uuid()).bind(TEXT);
            found.push(has_text.fetch_one(&self.pool).await.unwrap());
        }
        found
    }

    async fn age(&self, by: Duration) {
        sqlx::query("update orders set updated_at = updated_at - make_interval(secs => $1)")
            .bind(by.as_secs_f64())
            .execute(&self.pool)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn an_address_goes_ninety_days_after_the_end_of_its_order() {
    let store = Store::new().await;
    let user = ids::user();
    let (cancelled, arrived, open) = (store.order(user).await, store.order(user).await, store.order(user).await);
    store.cancel(&cancelled).await;
    store.arrive(&arrived).await;
    store.age(RETENTION.saturating_sub(Duration::from_hours(1))).await;

    assert_eq!(store.addresses.remove(RETENTION).await.unwrap().count, 0);
    store.age(Duration::from_hours(2)).await;
    assert_eq!(store.addresses.remove(RETENTION).await.unwrap().count, 2);

    assert_eq!(store.with_texts(&[&cancelled, &arrived, &open]).await, [false, false, true]);
    assert!(store.orders.find(user, arrived.uuid).await.unwrap().unwrap().delivery.is_some(), "it is kept as booked");
}

#[tokio::test]
async fn the_end_of_an_account_cancels_its_unpaid_orders_and_removes_its_addresses() {
    let store = Store::new().await;
    let (user, other) = (ids::user(), ids::user());
    let (ended, unpaid, theirs) = (store.order(user).await, store.order(user).await, store.order(other).await);
    store.cancel(&ended).await;
    store.cancel(&theirs).await;
    let erased_at = Some((std::time::SystemTime::now() - Duration::from_mins(1)).into());
    let event = UserErased { user_uuid: user.to_string(), erased_at, ..UserErased::default() };
    let payload = contracts::events::record(user.uuid(), event).payload;
    let message = Message { payload, ..Message::default() };

    for _ in 0..2 {
        consumers::user_erased(store.addresses.clone()).handle(&message).await.unwrap();
    }

    let overdue = store.orders.overdue(10).await.unwrap();
    assert_eq!(overdue, [(unpaid.uuid, user)]);
    store.cancel(&unpaid).await;
    assert_eq!(store.addresses.remove(RETENTION).await.unwrap().count, 2);
    assert_eq!(store.with_texts(&[&ended, &unpaid, &theirs]).await, [false, false, true]);
}

//! The contract suites of the repositories, run over the in-memory implementation and PostgreSQL.

use std::time::Duration;

use contracts::ids::UserId;
use contracts::money::Money;
use order::{
    error::Error,
    model::{AttemptLease, CancelReason, Claim, Event, NewOrder, Order, PaymentMethod, RequestOutcome},
    repository::{
        Attempts, Deliveries, IdempotencyKeys, MemoryOrders, OrderTerms, Orders, PgOrders, Settlement, UnpaidLimits,
    },
};

use crate::ids;
use crate::shop::PAY_WITHIN;

const LEASE_TTL: Duration = Duration::from_mins(1);
const EXPIRED: Duration = Duration::ZERO;
const MAX_UNPAID: u32 = 10;
const UNPAID_LIMITS: UnpaidLimits = UnpaidLimits { pay_within: PAY_WITHIN, max_unpaid: MAX_UNPAID };

trait Repository: Orders + Attempts + IdempotencyKeys + Deliveries {}

impl Repository for MemoryOrders {}
impl Repository for PgOrders {}

/// Declares a test of each case for both implementations.
macro_rules! contract {
    ($($promise:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(&order::repository::MemoryOrders::default()).await;
            })*
        }

        mod postgres {
            $(#[tokio::test]
            async fn $promise() {
                let database = testkit::database(&order::repository::MIGRATIONS).await;
                super::$promise(&order::repository::PgOrders::new(database.pool.clone())).await;
            })*
        }
    };
}

mod attempts;
mod checkouts;
mod deliveries;
mod idempotency_keys;
mod inconsistent;
mod orders;
mod payment_events;

fn new_order(user: UserId) -> NewOrder {
    let part = ids::part();
    NewOrder::new(ids::order(), user, vec![part, ids::part(), part])
}

/// Returns the terms of an order that is not paid from the balance without a request.
fn terms(total_price: Money) -> OrderTerms {
    OrderTerms { total_price, unit_prices: vec![Money::ZERO; 2], pays_itself: false }
}

async fn write(
    orders: &dyn Repository,
    order: &NewOrder,
    total_price: Money,
    pay_within: Duration,
    claim: Option<&Claim>,
) -> Result<Order, Error> {
    let unpaid_limits = UnpaidLimits { pay_within, ..UNPAID_LIMITS };
    orders.create(order, &terms(total_price), &order.create(total_price), unpaid_limits, claim).await
}

async fn create(orders: &dyn Repository) -> Order {
    let order = new_order(ids::user());
    write(orders, &order, Money::from_minor(1234).unwrap(), PAY_WITHIN, None).await.unwrap()
}

async fn begin(orders: &dyn Repository, order: &Order) -> Option<AttemptLease> {
    let begun = orders.begin(order.user, order.uuid, PaymentMethod::Sbp, EXPIRED, None).await.unwrap();
    begun.unwrap().1
}

async fn begun(orders: &dyn Repository, order: &Order) -> AttemptLease {
    begin(orders, order).await.unwrap()
}

async fn pay(orders: &dyn Repository, order: &Order, lease: &AttemptLease) -> bool {
    let transaction = ids::transaction();
    let event =
        Event::Paid { order: order.uuid, user: order.user, method: PaymentMethod::Sbp, transaction, deliver: false };
    let paid = Settlement::Paid { transaction, event };
    orders.settle(order.uuid, lease, &paid, Some(&RequestOutcome::Paid { transaction })).await.unwrap()
}

fn cancelled(order: &Order) -> Event {
    Event::Cancelled { order: order.uuid, user: order.user, reason: CancelReason::ByUser, paid: false }
}

async fn find(orders: &dyn Repository, order: &Order) -> Order {
    orders.find(order.user, order.uuid).await.unwrap().unwrap()
}

fn claim(user: UserId) -> Claim {
    Claim { user, key: ids::random().to_string(), fingerprint: vec![1, 2, 3], token: ids::random() }
}

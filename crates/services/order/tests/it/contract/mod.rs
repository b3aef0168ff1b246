//! The contract suites of the repositories, run over the in-memory implementation and PostgreSQL.

use std::time::Duration;

use contracts::ids::UserId;
use contracts::money::Money;
use order::{
    error::{Error, OrderRefusal},
    model::{
        AttemptLease, CancelReason, Claim, DeliveryAddress, Event, NewOrder, Order, PaymentMethod, RequestOutcome,
    },
    repository::{
        Attempts, Deliveries, IdempotencyKeys, MemoryOrders, OrderTerms, Orders, PgOrders, ReportedEnd, Settlement,
        UnpaidLimits,
    },
};

use crate::ids;
use crate::shop::PAY_WITHIN;

const LEASE_TTL: Duration = Duration::from_mins(1);
const EXPIRED: Duration = Duration::ZERO;
const MAX_UNPAID: u32 = 10;
/// A text of a user.
pub const TEXT: &str = "  Москва, ул. Тверская, 1 🚀";
const UNPAID_LIMITS: UnpaidLimits = UnpaidLimits { pay_within: PAY_WITHIN, max_unpaid: MAX_UNPAID };

pub trait Repository: Orders + Attempts + IdempotencyKeys + Deliveries {}

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

pub fn new_order(user: UserId) -> NewOrder {
    let part = ids::part();
    NewOrder::new(ids::order(), user, vec![part, ids::part(), part])
}

/// Returns a new order with each text that a user may write.
pub fn order_with_texts(user: UserId) -> NewOrder {
    let delivery_address = Some(DeliveryAddress::new(TEXT.to_owned()).unwrap());
    NewOrder { delivery_address, ..new_order(user) }
}

/// Writes an order that is not paid from the balance without a request.
pub async fn write(
    orders: &dyn Repository,
    order: &NewOrder,
    total_price: Money,
    pay_within: Duration,
    claim: Option<&Claim>,
) -> Result<Order, Error> {
    let unpaid_limits = UnpaidLimits { pay_within, ..UNPAID_LIMITS };
    let unit_prices = vec![Money::ZERO; order.quantities().len()];
    let terms = OrderTerms { total_price, unit_prices, pays_itself: false };
    orders.create(order, &terms, &order.create(total_price), unpaid_limits, claim).await
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

fn paid(order: &Order) -> ReportedEnd {
    let transaction = ids::transaction();
    let event =
        Event::Paid { order: order.uuid, user: order.user, method: PaymentMethod::Sbp, transaction, deliver: false };
    let settlement = Settlement::Paid { transaction, event };
    ReportedEnd { settlement, outcome: RequestOutcome::Paid { transaction }, also_shared: true }
}

async fn pay(orders: &dyn Repository, order: &Order, lease: &AttemptLease) -> bool {
    let ReportedEnd { settlement, outcome, .. } = paid(order);
    orders.settle(order.uuid, lease, &settlement, Some(&outcome)).await.unwrap()
}

/// Ends an attempt as declined.
async fn decline(orders: &dyn Repository, order: &Order, lease: &AttemptLease) -> bool {
    let declined = Settlement::Declined(OrderRefusal::PaymentDeclined);
    orders.settle(order.uuid, lease, &declined, None).await.unwrap()
}

pub fn cancelled(order: &Order) -> Event {
    Event::Cancelled { order: order.uuid, user: order.user, reason: CancelReason::ByUser, paid: false }
}

async fn find(orders: &dyn Repository, order: &Order) -> Order {
    orders.find(order.user, order.uuid).await.unwrap().unwrap()
}

fn claim(user: UserId) -> Claim {
    Claim { user, key: ids::random().to_string(), fingerprint: vec![1, 2, 3], token: ids::random() }
}

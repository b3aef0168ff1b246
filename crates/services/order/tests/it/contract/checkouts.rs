//! The contract suite of what `/api/orders` adds to orders, run over the in-memory implementation and PostgreSQL.

use std::time::Duration;

use contracts::{ids::OrderId, money::Money};
use order::{
    error::OrderRefusal,
    model::{CheckoutDetails, Order, PaymentMethod},
    repository::{OrderTerms, Settlement},
};

use super::{EXPIRED, LEASE_TTL, Repository, UNPAID_LIMITS, begun, cancelled, create, find, new_order};
use crate::ids;

contract!(
    an_order_keeps_the_prices_of_its_pieces,
    an_order_knows_its_last_decline,
    an_order_that_pays_itself_is_due_at_once_and_again_after_a_backoff,
    an_order_is_not_due_while_an_attempt_is_in_progress,
    an_order_whose_attempt_was_abandoned_is_due_again,
    an_order_declined_from_the_balance_is_never_due_again,
    an_order_declined_by_another_method_is_due_again,
    a_cancelled_order_is_not_due,
);

async fn self_paying(orders: &dyn Repository) -> Order {
    let order = new_order(ids::user());
    let prices = [3, 4].map(|minor| Money::from_minor(minor).unwrap());
    let terms =
        OrderTerms { total_price: Money::from_minor(10).unwrap(), unit_prices: prices.into(), pays_itself: true };
    orders.create(&order, &terms, &order.create(terms.total_price), UNPAID_LIMITS, None).await.unwrap()
}

async fn due(orders: &dyn Repository, backoff: Duration) -> Vec<OrderId> {
    let due = orders.due_to_pay_themselves(10, backoff).await.unwrap();
    due.into_iter().map(|(order, _)| order).collect()
}

async fn begin_from(orders: &dyn Repository, order: &Order, method: PaymentMethod) -> order::model::AttemptLease {
    orders.begin(order.user, order.uuid, method, LEASE_TTL, None).await.unwrap().unwrap().1.unwrap()
}

async fn an_order_keeps_the_prices_of_its_pieces(orders: &dyn Repository) {
    let order = self_paying(orders).await;

    let details = orders.checkout_details(order.uuid).await.unwrap();

    let prices = [3, 4].map(|minor| Money::from_minor(minor).unwrap());
    assert_eq!(details, CheckoutDetails { unit_prices: prices.into(), declined: None });
    assert_eq!(find(orders, &order).await, order);
    assert_eq!(orders.checkout_details(ids::order()).await.unwrap(), CheckoutDetails::default());
}

async fn an_order_knows_its_last_decline(orders: &dyn Repository) {
    let order = create(orders).await;
    for (number, refusal) in [(1, OrderRefusal::InsufficientFunds), (2, OrderRefusal::PaymentDeclined)] {
        let lease = begun(orders, &order).await;
        let declined = Settlement::Declined(refusal.clone());
        assert!(orders.settle(order.uuid, &lease, &declined, None).await.unwrap());

        assert_eq!(orders.checkout_details(order.uuid).await.unwrap().declined, Some((number, refusal)));
    }
}

async fn an_order_that_pays_itself_is_due_at_once_and_again_after_a_backoff(orders: &dyn Repository) {
    let (order, _other) = (self_paying(orders).await, create(orders).await);

    let first = orders.due_to_pay_themselves(10, EXPIRED).await.unwrap();

    assert_eq!(first, [(order.uuid, order.user)]);
    assert_eq!(due(orders, LEASE_TTL).await, [order.uuid]);
    assert!(due(orders, LEASE_TTL).await.is_empty());
}

async fn an_order_is_not_due_while_an_attempt_is_in_progress(orders: &dyn Repository) {
    let order = self_paying(orders).await;
    begun(orders, &order).await;

    assert!(due(orders, EXPIRED).await.is_empty());
}

async fn an_order_whose_attempt_was_abandoned_is_due_again(orders: &dyn Repository) {
    let order = self_paying(orders).await;
    assert_eq!(due(orders, EXPIRED).await, [order.uuid]);
    let lease = begin_from(orders, &order, PaymentMethod::InvestorMoney).await;

    assert!(orders.settle(order.uuid, &lease, &Settlement::Abandoned, None).await.unwrap());

    assert_eq!(due(orders, EXPIRED).await, [order.uuid]);
}

async fn an_order_declined_from_the_balance_is_never_due_again(orders: &dyn Repository) {
    let (by_response, by_event) = (self_paying(orders).await, self_paying(orders).await);
    let lease = begin_from(orders, &by_response, PaymentMethod::InvestorMoney).await;
    begin_from(orders, &by_event, PaymentMethod::InvestorMoney).await;
    let declined = Settlement::Declined(OrderRefusal::InsufficientFunds);

    assert!(orders.settle(by_response.uuid, &lease, &declined, None).await.unwrap());
    let outcome = order::model::RequestOutcome::Refused(OrderRefusal::InsufficientFunds);
    let reported = order::repository::ReportedEnd { settlement: declined, outcome, also_shared: true };
    assert!(orders.settle_once(ids::cause(), by_event.uuid, 1, &reported).await.unwrap());

    assert!(due(orders, EXPIRED).await.is_empty());
}

async fn an_order_declined_by_another_method_is_due_again(orders: &dyn Repository) {
    let order = self_paying(orders).await;
    let lease = begin_from(orders, &order, PaymentMethod::Card).await;

    let declined = Settlement::Declined(OrderRefusal::PaymentDeclined);
    assert!(orders.settle(order.uuid, &lease, &declined, None).await.unwrap());

    assert_eq!(due(orders, EXPIRED).await, [order.uuid]);
}

async fn a_cancelled_order_is_not_due(orders: &dyn Repository) {
    let order = self_paying(orders).await;

    assert!(orders.cancel(order.uuid, &cancelled(&order), None).await.unwrap());

    assert!(due(orders, EXPIRED).await.is_empty());
}

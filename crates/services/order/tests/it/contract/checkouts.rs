//! The contract suite of the data that `/api/orders` adds to orders, run over the in-memory implementation and
//! PostgreSQL.

use std::time::Duration;

use contracts::{ids::OrderId, money::Money};
use order::{
    error::OrderRefusal,
    model::{CheckoutDetails, Order, PaymentMethod, RequestOutcome},
    repository::{OrderTerms, ReportedEnd, Settlement},
};

use super::{EXPIRED, LEASE_TTL, Repository, UNPAID_LIMITS, begun, cancelled, create, decline, find, new_order};
use crate::ids;

contract!(
    an_order_keeps_the_prices_of_its_pieces,
    an_order_knows_its_last_decline,
    an_order_that_pays_itself_is_due_at_once_and_again_after_a_backoff,
    an_order_is_due_until_it_is_declined_from_the_balance,
    an_order_declined_from_the_balance_by_an_event_is_not_due,
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

async fn an_order_is_due_until_it_is_declined_from_the_balance(orders: &dyn Repository) {
    let order = self_paying(orders).await;
    let begin = async |method| {
        let begun = orders.begin(order.user, order.uuid, method, LEASE_TTL, None).await.unwrap();
        begun.unwrap().1.unwrap()
    };

    let abandoned = begin(PaymentMethod::InvestorMoney).await;
    assert!(due(orders, EXPIRED).await.is_empty(), "an attempt is in progress");
    assert!(orders.settle(order.uuid, &abandoned, &Settlement::Abandoned, None).await.unwrap());
    assert_eq!(due(orders, EXPIRED).await, [order.uuid]);
    let by_card = begin(PaymentMethod::Card).await;
    assert!(decline(orders, &order, &by_card).await);
    assert_eq!(due(orders, EXPIRED).await, [order.uuid], "another method was declined");
    let from_balance = begin(PaymentMethod::InvestorMoney).await;
    assert!(decline(orders, &order, &from_balance).await);
    assert!(due(orders, EXPIRED).await.is_empty());
}

async fn an_order_declined_from_the_balance_by_an_event_is_not_due(orders: &dyn Repository) {
    let order = self_paying(orders).await;
    orders.begin(order.user, order.uuid, PaymentMethod::InvestorMoney, LEASE_TTL, None).await.unwrap();
    let settlement = Settlement::Declined(OrderRefusal::InsufficientFunds);
    let outcome = RequestOutcome::Refused(OrderRefusal::InsufficientFunds);

    let reported = ReportedEnd { settlement, outcome, also_shared: true };
    assert!(orders.settle_once(ids::cause(), order.uuid, 1, &reported).await.unwrap());

    assert!(due(orders, EXPIRED).await.is_empty());
}

async fn a_cancelled_order_is_not_due(orders: &dyn Repository) {
    let order = self_paying(orders).await;

    assert!(orders.cancel(order.uuid, &cancelled(&order), None).await.unwrap());

    assert!(due(orders, EXPIRED).await.is_empty());
}

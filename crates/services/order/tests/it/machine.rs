//! Tests of the order's state machine under every sequence of transitions.

use chrono::DateTime;
use contracts::ids::{OrderId, PartId, TransactionId, UserId};
use contracts::money::Money;
use order::model::{Action, CancelReason, Event, NewOrder, Order, PaymentMethod, Status};
use proptest::prelude::*;
use uuid::Uuid;

#[derive(Clone, Copy, Debug)]
enum Move {
    Begin,
    Pay(i32),
    End(i32),
    Cancel,
    Compensate,
    Assemble,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        Just(Move::Begin),
        (1..4).prop_map(Move::Pay),
        (1..4).prop_map(Move::End),
        Just(Move::Cancel),
        Just(Move::Compensate),
        Just(Move::Assemble),
    ];
    proptest::collection::vec(one, 0..20)
}

fn new_order() -> Order {
    let [order, user, part] = [1, 2, 3].map(Uuid::from_u128);
    let new = NewOrder::new(OrderId::new(order), UserId::new(user), vec![PartId::new(part)]);
    new.created(Money::from_minor(1).unwrap(), DateTime::UNIX_EPOCH)
}

fn apply(order: &mut Order, step: Move) -> Result<Option<Event>, ()> {
    match step {
        Move::Begin => order.begin_attempt(PaymentMethod::Card).map(|_| None).map_err(drop),
        Move::Pay(number) => order.pay(number, TransactionId::new(Uuid::from_u128(4))).map(Some).map_err(drop),
        Move::End(number) => order.end_attempt(number).map(|_| None).map_err(drop),
        Move::Cancel => order.cancel(CancelReason::ByUser).map(Some).map_err(drop),
        Move::Compensate => order.compensate().map(Some).map_err(drop),
        Move::Assemble => order.assemble().map(|()| None).map_err(drop),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_order_is_paid_at_most_once_and_ends_once(moves in moves()) {
        let mut order = new_order();
        let mut events = Vec::new();

        for step in moves {
            let before = order.clone();
            if let Ok(event) = apply(&mut order, step) {
                events.extend(event);
            } else {
                prop_assert_eq!(&order, &before, "a refused move changes nothing");
            }
            prop_assert!(order.attempt.is_none() || order.status == Status::PendingPayment);
            prop_assert!(!matches!(order.status, Status::Paid | Status::Assembled) || order.payment.is_some());
        }

        let paid = events.iter().filter(|event| matches!(event, Event::Paid { .. })).count();
        let cancelled = events.iter().filter(|event| matches!(event, Event::Cancelled { .. })).count();
        prop_assert_eq!(paid, usize::from(order.payment.is_some()));
        prop_assert_eq!(cancelled, usize::from(order.status == Status::Cancelled));
        let undone = events.iter().any(|event| matches!(event, Event::Cancelled { paid: true, .. }));
        prop_assert!(!undone || paid == 1);
    }
}

#[test]
fn an_order_may_be_paid_or_cancelled_while_it_is_unpaid_and_no_attempt_is_in_progress() {
    let mut order = new_order();
    assert_eq!(order.allowed_actions(), Action::ALL);

    order.begin_attempt(PaymentMethod::Card).unwrap();
    assert_eq!(order.allowed_actions(), []);
    order.end_attempt(1).unwrap();
    assert_eq!(order.allowed_actions(), Action::ALL);
    order.cancel(CancelReason::ByUser).unwrap();
    assert_eq!(order.allowed_actions(), []);
}

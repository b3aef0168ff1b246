//! Tests of partial refunds: what may be recorded, when it falls due, and how it is leased.

use payment::model::{MAX_PARTIAL_REFUNDS, PartialRefund, PartialRefundStatus, RecordedRefund, RefundState};
use platform::ids;
use uuid::Uuid;

use super::*;
use crate::part;

contract!([
    a_partial_refund_is_recorded_once_per_reference,
    partial_refunds_made_at_once_give_back_no_more_than_the_charge,
    a_charge_has_a_bounded_number_of_partial_refunds,
    a_cancellation_keeps_what_was_recorded,
    a_partial_refund_is_leased_to_one_caller_and_later_again,
    a_partial_refund_continues_from_its_latest_request_alone,
    a_partial_refund_that_failed_after_it_was_made_is_opened_again_once,
] over
    memory: tokio::test(start_paused = true) => std::future::ready(super::super::memory()),
    postgres: tokio::test => super::super::postgres(),
);

impl Fixture {
    async fn add(&self, refund: &PartialRefund) -> Option<RecordedRefund> {
        self.payments.add_refund(refund).await.unwrap()
    }

    async fn sum(&self, intent: &Intent) -> i64 {
        let payment = self.payments.get(intent.transaction).await.unwrap().unwrap();
        assert_eq!(payment.left().minor() + payment.partially_refunded.minor(), payment.intent.amount.minor());
        payment.partially_refunded.minor()
    }

    async fn due_refunds(&self) -> Vec<RecordedRefund> {
        self.payments.due_refunds(10).await.unwrap().into_iter().map(|(refund, _)| refund).collect()
    }

    /// Returns true if the refund has a time from which the audit counts, instead of its creation.
    async fn is_requested_again(&self, refund: Uuid) -> bool {
        let requested =
            sqlx::query_scalar("select requested_at is not null from partial_refunds where refund_uuid = $1");
        requested.bind(refund).fetch_one(self.pool.as_ref().unwrap()).await.unwrap()
    }
}

async fn a_partial_refund_is_recorded_once_per_reference(fixture: Fixture) {
    let (intent, other) = (intent(Method::Card), intent(Method::Card));
    fixture.settled(&intent, &charged()).await;
    fixture.settled(&other, &charged()).await;
    let (first, second) = (part(intent.order, "one", 300), part(intent.order, "two", 200));

    let added = fixture.add(&first).await.unwrap();
    let expected =
        RecordedRefund { refund: first.clone(), transaction: intent.transaction, status: PartialRefundStatus::NEW };
    assert_eq!(added, expected);
    assert_eq!(fixture.add(&PartialRefund { amount: money(400), ..first.clone() }).await, Some(expected.clone()));
    fixture.add(&second).await.unwrap();
    fixture.add(&part(other.order, "one", 1)).await.unwrap();

    assert_eq!((fixture.sum(&intent).await, fixture.sum(&other).await), (500, 1));
    let recorded = fixture.payments.refunds_of(intent.transaction).await.unwrap();
    assert_eq!(recorded, [expected.clone(), RecordedRefund { refund: second, ..expected }]);
}

async fn partial_refunds_made_at_once_give_back_no_more_than_the_charge(fixture: Fixture) {
    let intent = intent(Method::Card);
    fixture.settled(&intent, &charged()).await;
    // Each of ten references is added twice. Three of the ten refunds fit into the charge.
    let refunds: Vec<_> = (0..20).map(|number| part(intent.order, &(number % 10).to_string(), 300)).collect();

    let added = futures::future::join_all(refunds.iter().map(|refund| fixture.add(refund))).await;

    let mut fit: Vec<_> = added.iter().flatten().map(|recorded| recorded.refund.id()).collect();
    fit.sort_unstable();
    fit.dedup();
    assert_eq!((fit.len(), fixture.sum(&intent).await), (3, 900));
    assert_eq!(fixture.payments.refunds_of(intent.transaction).await.unwrap().len(), 3);
}

async fn a_charge_has_a_bounded_number_of_partial_refunds(fixture: Fixture) {
    let (intent, other) = (intent(Method::Card), intent(Method::Card));
    for intent in [&intent, &other] {
        fixture.settled(intent, &charged()).await;
    }
    for number in 0..MAX_PARTIAL_REFUNDS {
        assert!(fixture.add(&part(intent.order, &number.to_string(), 1)).await.is_some());
    }

    assert_eq!(fixture.add(&part(intent.order, "more", 1)).await, None);
    assert!(fixture.add(&part(intent.order, "0", 1)).await.is_some(), "a retry finds it");
    assert!(fixture.add(&part(other.order, "more", 1)).await.is_some());
}

async fn a_cancellation_keeps_what_was_recorded(fixture: Fixture) {
    let intent = intent(Method::Card);
    fixture.settled(&intent, &charged()).await;
    let first = part(intent.order, "one", 300);
    let added = fixture.add(&first).await;

    fixture.payments.cancel(intent.order, None).await.unwrap();

    assert_eq!(fixture.sum(&intent).await, 300);
    assert_eq!(fixture.add(&first).await, added, "a retry finds it");
    assert_eq!(fixture.add(&part(intent.order, "two", 1)).await, None);
    assert_eq!(fixture.unfinished().await, Unfinished { refunding: 2, ..Unfinished::default() });
}

async fn a_partial_refund_is_leased_to_one_caller_and_later_again(fixture: Fixture) {
    let intent = intent(Method::Card);
    fixture.settled(&intent, &charged()).await;
    let added = fixture.add(&part(intent.order, "one", 300)).await.unwrap();

    assert!(fixture.due_refunds().await.is_empty(), "the request that recorded it asks first");
    for _ in 0..20 {
        fixture.elapse(Duration::from_secs(11)).await;
        assert_eq!(fixture.due_refunds().await, std::slice::from_ref(&added));
        assert!(fixture.due_refunds().await.is_empty());
    }
}

async fn a_partial_refund_continues_from_its_latest_request_alone(fixture: Fixture) {
    let intent = intent(Method::Card);
    fixture.settled(&intent, &charged()).await;
    let id = fixture.add(&part(intent.order, "one", 300)).await.unwrap().refund.id();
    let status = async || fixture.payments.refunds_of(intent.transaction).await.unwrap().remove(0).status;
    let record = async |request: &RefundRequest, state| {
        fixture.payments.record_refund(id, request, &state, BACKOFF).await.unwrap();
    };
    let pending = RefundRequest { reference: Some("re_1".to_owned()), ..RefundRequest::FIRST };
    let second = RefundRequest { number: 2, reference: None };

    record(&RefundRequest::FIRST, RefundState::Pending { reference: "re_1".to_owned() }).await;
    assert_eq!(status().await, PartialRefundStatus::Refunding(pending.clone()));
    assert_eq!(fixture.unfinished().await, Unfinished { accepted: 1, ..Unfinished::default() });
    // A late response to the previous request changes nothing.
    record(&RefundRequest::FIRST, RefundState::Refunded).await;
    assert_eq!(status().await, PartialRefundStatus::Refunding(pending.clone()));
    record(&pending, RefundState::Failed).await;
    assert_eq!(status().await, PartialRefundStatus::Refunding(second.clone()));
    assert!(fixture.due_refunds().await.is_empty(), "there is a backoff");
    fixture.payments.hurry_partial_refund(id).await.unwrap();
    record(&RefundRequest::FIRST, RefundState::Pending { reference: "re_1".to_owned() }).await;
    assert_eq!(fixture.due_refunds().await.len(), 1, "a late response makes no backoff");

    record(&second, RefundState::Refunded).await;

    assert_eq!(status().await, PartialRefundStatus::Refunded { number: 2 });
    fixture.elapse(Duration::from_hours(2)).await;
    assert!(fixture.due_refunds().await.is_empty());
    assert_eq!(fixture.unfinished().await, Unfinished::default());
}

/// The in-memory implementation stores no such time, since only the audit reads it.
#[tokio::test]
async fn a_partial_refund_that_is_requested_again_gets_its_time_again_once() {
    let fixture = postgres().await;
    let intent = intent(Method::Card);
    fixture.settled(&intent, &charged()).await;
    let id = fixture.add(&part(intent.order, "one", 300)).await.unwrap().refund.id();
    let second = RefundRequest { number: 2, reference: None };
    let third = RefundRequest { number: 3, reference: None };
    let requested_at = async || -> String {
        let requested = sqlx::query_scalar("select requested_at::text from partial_refunds where refund_uuid = $1");
        requested.bind(id).fetch_one(fixture.pool.as_ref().unwrap()).await.unwrap()
    };
    let accepted = RefundState::Pending { reference: "re_1".to_owned() };
    let pending = RefundRequest { reference: Some("re_1".to_owned()), ..RefundRequest::FIRST };
    fixture.payments.record_refund(id, &RefundRequest::FIRST, &accepted, BACKOFF).await.unwrap();
    assert!(!fixture.is_requested_again(id).await);
    fixture.payments.record_refund(id, &pending, &RefundState::Failed, BACKOFF).await.unwrap();
    let renewed = requested_at().await;

    fixture.payments.record_refund(id, &second, &RefundState::Failed, BACKOFF).await.unwrap();

    let refunds = fixture.payments.refunds_of(intent.transaction).await.unwrap();
    assert_eq!(refunds[0].status, PartialRefundStatus::Refunding(third));
    assert_eq!(requested_at().await, renewed);
}

async fn a_partial_refund_that_failed_after_it_was_made_is_opened_again_once(fixture: Fixture) {
    let intent = intent(Method::Card);
    fixture.settled(&intent, &charged()).await;
    let id = fixture.add(&part(intent.order, "one", 300)).await.unwrap().refund.id();
    fixture.payments.reopen_partial_refund(id, 1).await.unwrap();
    fixture.payments.record_refund(id, &RefundRequest::FIRST, &RefundState::Refunded, BACKOFF).await.unwrap();

    for _ in 0..2 {
        fixture.payments.reopen_partial_refund(id, 1).await.unwrap();
        fixture.payments.reopen_partial_refund(ids::random(), 1).await.unwrap();
    }

    let due = fixture.due_refunds().await;
    let second = RefundRequest { number: 2, reference: None };
    assert_eq!(due.iter().map(|due| &due.status).collect::<Vec<_>>(), [&PartialRefundStatus::Refunding(second)]);
    if fixture.pool.is_some() {
        assert!(fixture.is_requested_again(id).await);
    }
}

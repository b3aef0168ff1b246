//! The contract suite of `IdempotencyKeys`, run over the in-memory implementation and PostgreSQL.

use std::time::Duration;

use contracts::money::Money;
use metrics_exporter_prometheus::PrometheusBuilder;
use order::{
    error::{Error, OrderRefusal},
    model::{Claim, Claimed, NewOrder, PaymentMethod, RequestOutcome, Status},
    repository::{MIGRATIONS, PgOrders, Settlement},
};

use super::{EXPIRED, LEASE_TTL, Repository, cancelled, claim, create, decline, find, new_order, write};
use crate::ids;
use crate::shop::PAY_WITHIN;

contract!(
    a_key_is_taken_once_and_remembers_the_outcome,
    a_key_whose_request_died_is_taken_over_with_the_same_order,
    a_claim_may_be_retried_by_its_own_request,
    a_key_remembers_the_attempt_and_its_outcome,
    a_request_that_lost_its_key_does_not_answer_for_it,
    a_request_that_lost_its_key_does_not_give_it_back,
    a_request_that_lost_its_key_changes_nothing,
    a_key_that_is_given_back_is_new_again,
    a_key_remembers_every_refusal,
    an_old_key_is_removed,
);

async fn a_key_that_is_given_back_is_new_again(orders: &dyn Repository) {
    let order = new_order(ids::user());
    let (frozen, retry) = taken_over(orders, &order).await;
    let next = ids::order();

    assert!(!orders.forget(&frozen).await.unwrap(), "a request that has lost the key gives it back");
    assert!(orders.forget(&retry).await.unwrap());
    assert!(!orders.forget(&retry).await.unwrap());
    assert_eq!(orders.claim(&retry, next, LEASE_TTL).await.unwrap(), Claimed::New { order: next });
    orders.complete(&retry, &RequestOutcome::Cancelled).await.unwrap();
    assert!(!orders.forget(&retry).await.unwrap(), "a key with an outcome is given back");
}

/// Returns the claim of a retry under the same key.
fn retry_of(claim: &Claim) -> Claim {
    Claim { token: ids::random(), ..claim.clone() }
}

/// Returns the claims of a frozen request and of a retry that has taken the key over.
async fn taken_over(orders: &dyn Repository, order: &NewOrder) -> (Claim, Claim) {
    let frozen = claim(order.user);
    let retry = retry_of(&frozen);
    orders.claim(&frozen, order.uuid, EXPIRED).await.unwrap();
    let taken = orders.claim(&retry, ids::order(), LEASE_TTL).await.unwrap();
    assert!(matches!(taken, Claimed::Resumed { order: uuid, .. } if uuid == order.uuid), "{taken:?}");
    (frozen, retry)
}

async fn a_key_is_taken_once_and_remembers_the_outcome(orders: &dyn Repository) {
    let order = new_order(ids::user());
    let claim = claim(order.user);
    let other_body = Claim { fingerprint: vec![9], ..claim.clone() };
    let other_user = Claim { user: ids::user(), ..claim.clone() };

    let new = orders.claim(&claim, order.uuid, LEASE_TTL).await.unwrap();
    let meanwhile = orders.claim(&retry_of(&claim), ids::order(), LEASE_TTL).await.unwrap();
    write(orders, &order, Money::ZERO, PAY_WITHIN, Some(&claim)).await.unwrap();
    orders.complete(&claim, &RequestOutcome::Cancelled).await.unwrap();
    let after = orders.claim(&claim, ids::order(), LEASE_TTL).await.unwrap();

    assert_eq!(new, Claimed::New { order: order.uuid });
    assert_eq!(meanwhile, Claimed::InProgress);
    assert_eq!(after, Claimed::Done(RequestOutcome::Created { order: order.uuid, total_price: Money::ZERO }));
    assert_eq!(orders.claim(&other_body, ids::order(), LEASE_TTL).await.unwrap(), Claimed::Reused);
    assert!(matches!(orders.claim(&other_user, ids::order(), LEASE_TTL).await.unwrap(), Claimed::New { .. }));
}

async fn a_key_whose_request_died_is_taken_over_with_the_same_order(orders: &dyn Repository) {
    let (claim, order) = (claim(ids::user()), ids::order());
    orders.claim(&claim, order, LEASE_TTL).await.unwrap();

    orders.release(&claim).await.unwrap();

    let taken = orders.claim(&claim, ids::order(), LEASE_TTL).await.unwrap();
    assert_eq!(taken, Claimed::Resumed { order, attempt: None });
    assert_eq!(orders.claim(&retry_of(&claim), ids::order(), LEASE_TTL).await.unwrap(), Claimed::InProgress);
}

/// A request retries its own claim if the response to the first one was lost with its connection.
async fn a_claim_may_be_retried_by_its_own_request(orders: &dyn Repository) {
    let (claim, order) = (claim(ids::user()), ids::order());
    orders.claim(&claim, order, LEASE_TTL).await.unwrap();

    let again = orders.claim(&claim, ids::order(), LEASE_TTL).await.unwrap();

    assert_eq!(again, Claimed::Resumed { order, attempt: None });
}

async fn a_key_remembers_the_attempt_and_its_outcome(orders: &dyn Repository) {
    let order = create(orders).await;
    let claim = claim(order.user);
    orders.claim(&claim, order.uuid, EXPIRED).await.unwrap();
    let begun = orders.begin(order.user, order.uuid, PaymentMethod::Card, EXPIRED, Some(&claim)).await.unwrap();
    let lease = begun.unwrap().1.unwrap();
    let declined = RequestOutcome::Refused(OrderRefusal::PaymentDeclined);

    let resumed = orders.claim(&claim, order.uuid, EXPIRED).await.unwrap();
    orders
        .settle(order.uuid, &lease, &Settlement::Declined(OrderRefusal::PaymentDeclined), Some(&declined))
        .await
        .unwrap();

    assert_eq!(resumed, Claimed::Resumed { order: order.uuid, attempt: Some(1) });
    assert_eq!(orders.claim(&claim, order.uuid, EXPIRED).await.unwrap(), Claimed::Done(declined));
}

async fn a_request_that_lost_its_key_does_not_answer_for_it(orders: &dyn Repository) {
    let order = new_order(ids::user());
    let (frozen, retry) = taken_over(orders, &order).await;

    orders.complete(&frozen, &RequestOutcome::Refused(OrderRefusal::ReservationLost)).await.unwrap();
    write(orders, &order, Money::ZERO, PAY_WITHIN, Some(&retry)).await.unwrap();

    let remembered = orders.claim(&retry_of(&frozen), ids::order(), LEASE_TTL).await.unwrap();
    assert_eq!(remembered, Claimed::Done(RequestOutcome::Created { order: order.uuid, total_price: Money::ZERO }));
}

async fn a_request_that_lost_its_key_does_not_give_it_back(orders: &dyn Repository) {
    let order = new_order(ids::user());
    let (frozen, retry) = taken_over(orders, &order).await;

    orders.release(&frozen).await.unwrap();
    let meanwhile = orders.claim(&retry_of(&frozen), ids::order(), LEASE_TTL).await.unwrap();
    orders.release(&retry).await.unwrap();
    let after = orders.claim(&retry_of(&frozen), ids::order(), LEASE_TTL).await.unwrap();

    assert_eq!(meanwhile, Claimed::InProgress);
    assert_eq!(after, Claimed::Resumed { order: order.uuid, attempt: None });
}

async fn a_request_that_lost_its_key_changes_nothing(orders: &dyn Repository) {
    let unwritten = new_order(ids::user());
    let (creation, _) = taken_over(orders, &unwritten).await;
    let written = create(orders).await;
    let subject = NewOrder::new(written.uuid, written.user, written.parts.clone());
    let (payment, payment_again) = taken_over(orders, &subject).await;
    let (cancellation, cancellation_again) = taken_over(orders, &subject).await;
    let begin = async |claim| orders.begin(written.user, written.uuid, PaymentMethod::Sbp, EXPIRED, claim).await;

    let creation = write(orders, &unwritten, Money::ZERO, PAY_WITHIN, Some(&creation)).await;
    let payment = begin(Some(&payment)).await;
    let cancellation = orders.cancel(written.uuid, &cancelled(&written), Some(&cancellation)).await;

    assert!(matches!(creation, Err(Error::KeyInProgress)), "{creation:?}");
    assert!(matches!(payment, Err(Error::KeyInProgress)), "{payment:?}");
    assert!(matches!(cancellation, Err(Error::KeyInProgress)), "{cancellation:?}");
    assert_eq!(orders.find(unwritten.user, unwritten.uuid).await.unwrap(), None);
    assert_eq!(find(orders, &written).await, written);
    let lease = begin(Some(&payment_again)).await.unwrap().unwrap().1.unwrap();
    assert!(decline(orders, &written, &lease).await);
    assert!(orders.cancel(written.uuid, &cancelled(&written), Some(&cancellation_again)).await.unwrap());
}

async fn a_key_remembers_every_refusal(orders: &dyn Repository) {
    let (order, part) = (ids::order(), ids::part());
    for refusal in [
        OrderRefusal::OrderNotFound(order),
        OrderRefusal::PartNotFound(part),
        OrderRefusal::PartNameNotFound(3),
        OrderRefusal::OutOfStock(part),
        OrderRefusal::PriceChanged(part),
        OrderRefusal::TotalTooLarge,
        OrderRefusal::ReservationLost,
        OrderRefusal::InvalidStatus(Status::Paid),
        OrderRefusal::PaymentDeclined,
        OrderRefusal::InsufficientFunds,
    ] {
        let (claim, outcome) = (claim(ids::user()), RequestOutcome::Refused(refusal));
        orders.claim(&claim, order, LEASE_TTL).await.unwrap();

        orders.complete(&claim, &outcome).await.unwrap();

        assert_eq!(orders.claim(&retry_of(&claim), order, LEASE_TTL).await.unwrap(), Claimed::Done(outcome));
    }
}

async fn an_old_key_is_removed(orders: &dyn Repository) {
    let (claim, order) = (claim(ids::user()), ids::order());
    orders.claim(&claim, order, LEASE_TTL).await.unwrap();
    tokio::time::sleep(Duration::from_millis(2)).await;

    assert_eq!(orders.remove(LEASE_TTL, 10).await.unwrap(), 0);
    assert_eq!(orders.remove(EXPIRED, 10).await.unwrap(), 1);
    assert!(matches!(orders.claim(&claim, order, LEASE_TTL).await.unwrap(), Claimed::New { .. }));
}

#[tokio::test]
async fn an_outcome_that_only_a_newer_version_knows_is_kept_and_answered_as_unavailable() {
    let database = testkit::database(&MIGRATIONS).await;
    let orders: &dyn Repository = &PgOrders::new(database.pool.clone());
    let (claim, order) = (claim(ids::user()), ids::order());
    orders.claim(&claim, order, EXPIRED).await.unwrap();
    sqlx::query("update idempotency_keys set outcome = '{\"refused\": \"newer\"}' where key = $1")
        .bind(&claim.key)
        .execute(&database.pool)
        .await
        .unwrap();

    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let unknown = orders.claim(&claim, order, LEASE_TTL).await;

    let rendered = recorder.handle().render();
    assert!(rendered.contains("inconsistent_rows_total 1"), "{rendered}");
    assert!(matches!(unknown, Err(Error::Unavailable(..))), "{unknown:?}");
    let kept: String = sqlx::query_scalar("select outcome ->> 'refused' from idempotency_keys where key = $1")
        .bind(&claim.key)
        .fetch_one(&database.pool)
        .await
        .unwrap();
    assert_eq!(kept, "newer");
}

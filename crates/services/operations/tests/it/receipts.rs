//! Receipts: who reads them, and how many are made at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use contracts::{
    ids::OrderId,
    proto::operations::v1::{Check, CheckState, GetReceiptRequest},
};
use futures::{FutureExt as _, future::join_all};
use operations::{error::Error, service::Receipts};
use platform::ids;
use testkit::{new_order, new_user, with_session};
use tokio::{
    sync::Semaphore,
    time::{sleep, timeout},
};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::fixture::Fixture;

async fn receipt(fixture: &Fixture, session: &str, order: Uuid) -> Result<Vec<Check>, Status> {
    let request = with_session(session, GetReceiptRequest { order_uuid: order.to_string() });
    Ok(fixture.client().get_receipt(request).await?.into_inner().checks)
}

#[tokio::test]
async fn a_receipt_is_for_the_owner_of_the_order_and_for_operators() {
    let fixture = Fixture::start().await;
    let owner = ids::random();
    let order = fixture.order(owner, 1).await;
    let [of_owner, stranger] = [owner, ids::random()].map(|user| fixture.iam.session(user));
    let operator = fixture.iam.operator_session(ids::random());

    for session in [&of_owner, &operator] {
        assert!(!receipt(&fixture, session, order).await.unwrap().is_empty());
        assert_eq!(receipt(&fixture, session, ids::random()).await.unwrap_err().code(), Code::NotFound);
    }
    assert_eq!(receipt(&fixture, &stranger, order).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn while_orders_database_is_away_the_owner_still_gets_a_receipt_with_open_checks() {
    let fixture = Fixture::without_orders().await;
    let owner = ids::random();
    let order = fixture.order(owner, 1).await;

    let checks = receipt(&fixture, &fixture.iam.session(owner), order).await.unwrap();

    assert!(!checks.is_empty() && checks.iter().all(|check| check.state() != CheckState::Violated), "{checks:?}");
    assert!(checks.iter().any(|check| check.state() == CheckState::Open), "{checks:?}");
    let of_a_stranger = receipt(&fixture, &fixture.iam.session(ids::random()), order).await;
    assert_eq!(of_a_stranger.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_receipt_is_of_all_records_of_its_order_or_says_that_it_is_not_checked() {
    let fixture = Fixture::start().await;
    let owner = ids::random();
    let order = fixture.order(owner, 10_001).await;

    let checks = receipt(&fixture, &fixture.iam.session(owner), order).await.unwrap();

    let shown: Vec<_> = checks.iter().map(|check| (&*check.invariant, check.state())).collect();
    assert_eq!(shown, [("records", CheckState::Open)]);
}

/// Receipts none of which ends until a permit is added.
struct Held {
    receipts: Receipts,
    begun: Arc<AtomicUsize>,
    ends: Arc<Semaphore>,
}

fn held() -> Held {
    let (begun, ends) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let (counted, permits) = (begun.clone(), ends.clone());
    let receipts = Receipts::new(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        let permits = permits.clone();
        async move {
            drop(permits.acquire().await?);
            anyhow::Ok(Vec::new())
        }
        .boxed()
    });
    Held { receipts, begun, ends }
}

#[tokio::test(start_paused = true)]
async fn readers_that_leave_have_four_receipts_made_at_once_and_none_queued() {
    let Held { receipts, begun, ends } = held();
    let orders: Vec<OrderId> = (0..10).map(|_| new_order()).collect();

    for order in orders.iter().cycle().take(1_000) {
        assert!(timeout(Duration::from_millis(1), receipts.of(*order, new_user())).await.is_err());
    }
    assert!(matches!(receipts.of(orders[9], new_user()).await, Err(Error::NoReceipt(_))));
    assert_eq!(begun.load(Ordering::SeqCst), 4);

    ends.add_permits(4);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(begun.load(Ordering::SeqCst), 4);
    assert!(receipts.of(orders[9], new_user()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn readers_of_one_order_share_its_receipt_while_it_is_made() {
    let Held { receipts, begun, ends } = held();
    let (order, user) = (new_order(), new_user());
    assert!(timeout(Duration::from_secs(5), receipts.of(order, user)).await.is_err());
    let release = async {
        sleep(Duration::from_secs(5)).await;
        ends.add_permits(1);
    };

    let (read, ()) = tokio::join!(join_all((0..20).map(|_| receipts.of(order, user))), release);

    assert!(read.iter().all(Result::is_ok));
    assert_eq!(begun.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_receipts_under_way_are_bounded_for_one_user_and_for_all() {
    let Held { receipts, .. } = held();
    let ask = |user| receipts.of(new_order(), user).now_or_never();
    let user = new_user();

    let of_user: Vec<_> = (0..100).filter_map(|_| ask(user)).collect();
    let of_others: Vec<_> = (0..100).filter_map(|_| ask(new_user())).collect();

    assert_eq!((of_user.len(), of_others.len()), (92, 44), "8 and 56 are under way");
    assert!(of_user.iter().chain(&of_others).all(Result::is_err));
}

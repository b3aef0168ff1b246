//! Tests of how many receipts are made at once.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use async_trait::async_trait;
use console::{
    client::CheckState,
    error::Error,
    model::{NewRecord, Record},
    repository::{MAX_RECORDS, Timeline},
    service::Receipts,
};
use contracts::ids::{OrderId, UserId};
use futures::{FutureExt as _, future::join_all};
use platform::ids;
use tokio::{
    sync::Semaphore,
    time::{sleep, timeout},
};

use crate::{fixture::stored, operations::Shop};

/// A timeline in which each order has this number of records, which takes no time.
struct Timed(i64);

#[async_trait]
impl Timeline for Timed {
    async fn add(&self, _: Vec<NewRecord>) -> Result<u64, Error> {
        Ok(0)
    }

    async fn of_order(&self, order: OrderId, place: i64) -> Result<Vec<Record>, Error> {
        let places = (place + 1..=self.0).take(usize::try_from(MAX_RECORDS).unwrap());
        let record = |place| stored(order.uuid(), order.uuid(), place);
        Ok(places.map(|place| Record { place, is_repeat: false, record: record(place) }).collect())
    }

    async fn owner(&self, _: OrderId) -> Result<Option<UserId>, Error> {
        Ok(None)
    }

    async fn news(&self, _: i64, _: &[OrderId]) -> Result<(Vec<OrderId>, i64), Error> {
        Ok((Vec::new(), 0))
    }
}

/// Returns receipts none of which ends until a permit is added to `receipt_ends`.
fn held() -> (Receipts, Arc<Shop>) {
    let shop = Shop::with_letters(0);
    shop.receipt_ends.forget_permits(Semaphore::MAX_PERMITS);
    (Receipts::new(shop.clone(), Arc::new(Timed(0))), shop)
}

fn new_order() -> OrderId {
    OrderId::new(ids::random())
}

fn new_user() -> UserId {
    UserId::new(ids::random())
}

#[tokio::test(start_paused = true)]
async fn readers_that_leave_have_four_receipts_made_at_once_and_none_queued() {
    let (receipts, shop) = held();
    let orders: Vec<OrderId> = (0..10).map(|_| new_order()).collect();

    for order in orders.iter().cycle().take(1_000) {
        assert!(timeout(Duration::from_millis(1), receipts.of(*order, new_user())).await.is_err());
    }
    assert!(matches!(receipts.of(orders[9], new_user()).await, Err(Error::NoReceipt(_))));
    assert_eq!(shop.receipts.load(Ordering::SeqCst), 4);

    shop.receipt_ends.add_permits(4);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(shop.receipts.load(Ordering::SeqCst), 4);
    assert!(receipts.of(orders[9], new_user()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn readers_of_one_order_share_its_receipt_while_it_is_made() {
    let (receipts, shop) = held();
    let (order, user) = (new_order(), new_user());
    assert!(timeout(Duration::from_secs(5), receipts.of(order, user)).await.is_err());
    let release = async {
        sleep(Duration::from_secs(5)).await;
        shop.receipt_ends.add_permits(1);
    };

    let (read, ()) = tokio::join!(join_all((0..20).map(|_| receipts.of(order, user))), release);

    assert!(read.iter().all(Result::is_ok));
    assert_eq!(shop.receipts.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_receipts_that_wait_for_their_turn_are_bounded() {
    let (receipts, _shop) = held();
    let ask = |_| receipts.of(new_order(), new_user()).now_or_never();

    let refused: Vec<_> = (0..100).filter_map(ask).collect();

    assert!(refused.len() == 36 && refused.iter().all(Result::is_err), "{}", refused.len());
}

#[tokio::test]
async fn one_user_has_few_receipts_under_way_and_leaves_the_others_theirs() {
    let (receipts, _shop) = held();
    let ask = |user| receipts.of(new_order(), user).now_or_never();
    let user = new_user();

    let refused: Vec<_> = (0..100).filter_map(|_| ask(user)).collect();

    assert!(refused.len() == 92 && refused.iter().all(Result::is_err), "{}", refused.len());
    assert!(ask(new_user()).is_none(), "it is being made");
}

#[tokio::test]
async fn a_receipt_is_of_all_records_of_its_order_or_says_that_it_is_not_checked() {
    let receipt = async |count| {
        let shop = Shop::with_letters(0);
        let receipts = Receipts::new(shop.clone(), Arc::new(Timed(count)));
        let checks = receipts.of(new_order(), new_user()).await.unwrap();
        let states: Vec<CheckState> = checks.iter().map(|check| check.state).collect();
        (shop.receipt_records.load(Ordering::SeqCst), states)
    };

    assert_eq!(receipt(2_500).await, (2_500, vec![]));
    assert_eq!(receipt(20_000).await, (0, vec![CheckState::Open]));
}

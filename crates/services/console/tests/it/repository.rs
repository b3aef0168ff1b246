//! The repositories.

use std::time::Duration;

use chrono::{SubsecRound as _, TimeDelta};
use console::{
    model::NewRecord,
    repository::{MIGRATIONS, PgTimeline, Timeline as _},
};
use contracts::ids::OrderId;
use futures::future::join_all;
use platform::{clock, ids};
use serde_json::json;

use crate::fixture::stored;

async fn timeline() -> PgTimeline {
    PgTimeline::new(testkit::database(&MIGRATIONS).await.pool)
}

fn order(number: u128) -> OrderId {
    OrderId::new(uuid::Uuid::from_u128(number))
}

fn record(order: OrderId, offset: i64) -> NewRecord {
    // PostgreSQL keeps microseconds.
    let now = clock::now().trunc_subsecs(6);
    NewRecord {
        origin: "first".to_owned(),
        partition: 2,
        committed_at: now,
        published_at: now,
        consumed_at: now,
        trace: Some("0af7651916cd43dd8448eb211c80319c".to_owned()),
        payload: json!({"text": "<script>alert(1)</script>", "none": null}),
        headers: json!({"event-type": "events.v1.OrderPaid"}),
        ..stored(order.uuid(), ids::random(), offset)
    }
}

#[tokio::test]
async fn a_record_is_read_as_it_was_added() {
    let timeline = timeline().await;
    let whole = record(order(1), 0);
    let bare = NewRecord { user: None, event: None, trace: None, payload: json!(null), ..record(order(1), 1) };

    assert_eq!(timeline.add(vec![whole.clone(), bare.clone(), record(order(2), 2)]).await.unwrap(), 3);

    let read = timeline.of_order(order(1), 0).await.unwrap();
    assert!(read[0].place > 0 && read[0].place < read[1].place);
    assert_eq!(read.into_iter().map(|one| one.record).collect::<Vec<_>>(), [whole, bare]);
}

#[tokio::test]
async fn a_record_is_added_once_and_a_topic_that_was_created_again_has_others() {
    let timeline = timeline().await;
    let first = record(order(1), 0);
    let recreated = NewRecord { origin: "second".to_owned(), ..first.clone() };

    assert_eq!(timeline.add(vec![first.clone()]).await.unwrap(), 1);
    assert_eq!(timeline.add(vec![first.clone(), record(order(1), 1), first]).await.unwrap(), 1);
    assert_eq!(timeline.add(vec![recreated]).await.unwrap(), 1);

    let offsets: Vec<i64> = timeline.of_order(order(1), 0).await.unwrap().iter().map(|one| one.record.offset).collect();
    assert_eq!(offsets, [0, 1, 0]);
}

#[tokio::test]
async fn a_record_of_an_event_that_the_order_has_is_a_repeat() {
    let timeline = timeline().await;
    let first = record(order(1), 0);
    let again = NewRecord { origin: "second".to_owned(), ..first.clone() };
    let without = NewRecord { event: None, ..record(order(1), 1) };
    let another = NewRecord { event: None, ..record(order(1), 2) };
    let elsewhere = NewRecord { order: order(2), offset: 3, ..first.clone() };
    timeline.add(vec![first, again, without, another, elsewhere]).await.unwrap();

    let repeats = |records: Vec<console::model::Record>| records.iter().map(|one| one.is_repeat).collect::<Vec<_>>();
    assert_eq!(repeats(timeline.of_order(order(1), 0).await.unwrap()), [false, true, false, false]);
    assert_eq!(repeats(timeline.of_order(order(1), 1).await.unwrap()), [true, false, false]);
}

#[tokio::test]
async fn a_reader_goes_on_after_the_place_that_it_has_seen() {
    let timeline = timeline().await;
    timeline.add(vec![record(order(1), 0), record(order(2), 1), record(order(1), 2)]).await.unwrap();
    let all = timeline.of_order(order(1), 0).await.unwrap();

    assert_eq!(timeline.of_order(order(1), all[0].place).await.unwrap(), all[1..]);
    let (news, up_to) = timeline.news(all[0].place, &[order(1), order(3)]).await.unwrap();
    assert_eq!(news, [order(1)]);
    assert!(up_to >= all[1].place);
    assert_eq!(timeline.news(up_to, &[order(1), order(2)]).await.unwrap(), (vec![], up_to));
}

/// A reader that continues after its last place while others write sees each record once.
#[tokio::test]
async fn writers_at_once_leave_no_place_that_becomes_visible_later() {
    let timeline = timeline().await;
    let write = async |writer: i64| {
        for number in 0..20 {
            timeline.add(vec![record(order(1), writer * 100 + number)]).await.unwrap();
        }
    };
    let read = async {
        let (mut place, mut seen) = (0, Vec::new());
        while seen.len() < 80 {
            let records = timeline.of_order(order(1), place).await.unwrap();
            place = records.last().map_or(place, |record| record.place);
            seen.extend(records.iter().map(|one| one.record.offset));
            tokio::task::yield_now().await;
        }
        seen
    };

    let (_, mut seen) = tokio::join!(join_all((0..4).map(write)), read);

    seen.sort_unstable();
    let expected: Vec<i64> = (0..4).flat_map(|writer| (0..20).map(move |number| writer * 100 + number)).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn the_owner_is_the_first_user_that_a_record_names() {
    let timeline = timeline().await;
    let unknown = NewRecord { user: None, ..record(order(1), 0) };
    let named = record(order(1), 1);

    timeline.add(vec![unknown]).await.unwrap();
    assert_eq!(timeline.owner(order(1)).await.unwrap(), None);
    timeline.add(vec![named.clone()]).await.unwrap();
    timeline.add(vec![record(order(1), 2)]).await.unwrap();

    assert_eq!(timeline.owner(order(1)).await.unwrap(), named.user);
}

#[tokio::test]
async fn old_records_are_removed() {
    let timeline = timeline().await;
    let aged = |days: i64, offset| NewRecord {
        consumed_at: clock::now().trunc_subsecs(6) - TimeDelta::days(days),
        ..record(order(1), offset)
    };
    timeline.add(vec![aged(9, 0), aged(8, 1), aged(1, 2)]).await.unwrap();
    let week = Duration::from_hours(7 * 24);

    assert_eq!(timeline.remove_old(week, 1).await.unwrap(), 1);
    assert_eq!(timeline.remove_old(week, 10).await.unwrap(), 1);

    let left: Vec<i64> = timeline.of_order(order(1), 0).await.unwrap().iter().map(|one| one.record.offset).collect();
    assert_eq!(left, [2]);
}

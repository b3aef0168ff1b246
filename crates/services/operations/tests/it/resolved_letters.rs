//! The resolved dead letters, and their import from the journal of earlier versions.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use contracts::events::JOURNAL;
use operations::{
    dead_letters::{DeadLetter, Id},
    import_journal::import_journal,
    repository::resolved_letters::{Action, ResolvedLetter, ResolvedLetters, discarded_of},
};
use outbox::Record;
use platform::{auth::Author, clock, kafka::Message};
use serde_json::{Value, json};
use testkit::Database;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const ORDER: Uuid = Uuid::from_u128(7);

#[tokio::test]
async fn a_letter_has_one_row_with_the_latest_action_and_what_was_replayed_stays_so() {
    let (_, letters) = table().await;
    let (discarded, other) = (letter(0, clock::now()), letter(1, clock::now()));
    let recreated = letter(0, clock::now() + TimeDelta::hours(1));
    let discard = row(&discarded, Action::Discarded, "no longer wanted");

    for _ in 0..2 {
        letters.add(&[discard.clone(), row(&other, Action::Discarded, "sent twice")]).await.unwrap();
    }
    letters.add(&[row(&other, Action::Replayed, "")]).await.unwrap();
    letters.add(&[row(&other, Action::Discarded, "too late")]).await.unwrap();

    let read = letters.of(&[&discarded, &other, &recreated]).await.unwrap();
    assert_eq!(read.of(&discarded), Some(&discard));
    assert_eq!(read.of(&other).map(|row| (row.action, row.why.as_str())), Some((Action::Replayed, "")));
    assert_eq!(read.of(&recreated), None, "another letter with the id of the first one");
    let all: Vec<String> = letters.all().await.unwrap().discarded().into_iter().map(|one| one.letter).collect();
    assert_eq!(all, [discarded.id.to_string()]);
}

#[tokio::test]
async fn a_receipt_has_the_discarded_letters_of_its_order_alone() {
    let (database, letters) = table().await;
    let rows = [
        row(&letter(0, clock::now()), Action::Discarded, "no longer wanted"),
        row(&letter(1, clock::now()), Action::Replayed, ""),
        ResolvedLetter { order_uuid: None, ..row(&letter(2, clock::now()), Action::Discarded, "poison") },
    ];
    letters.add(&rows).await.unwrap();

    let mut connection = database.pool.connect().await.unwrap();
    let own = discarded_of(&mut connection, ORDER).await.unwrap();

    let shown: Vec<_> = own.iter().map(|one| (&*one.letter, &*one.who, &*one.why)).collect();
    assert_eq!(shown, [("order.paid.dlq/0/0", "test", "no longer wanted")]);
    assert!(discarded_of(&mut connection, Uuid::from_u128(8)).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_latest_entries_of_the_journal_are_imported_and_replace_no_row() {
    let (kafka, (database, letters)) = (testkit::kafka().await, table().await);
    let at = DateTime::UNIX_EPOCH;
    let kept = row(&letter(2, at), Action::Replayed, "");
    letters.add(std::slice::from_ref(&kept)).await.unwrap();
    let topic = format!("{}{JOURNAL}", kafka.prefix);
    let publish = async |offset: i64, entry: Value| {
        let (key, payload) = (letter(offset, at).id.to_string().into_bytes(), entry.to_string().into_bytes());
        let record = Record { topic: topic.clone(), key, payload, headers: HashMap::new() };
        kafka.publish(vec![record]).await;
    };
    let entry = |offset: i64, action: &str| {
        json!({
            "letter": letter(offset, at).id.to_string(), "given_up_at": at, "action": action, "who": "ann", "at": at,
            "why": "by \u{0}hand", "group": "assembly-group-order-paid", "event": Uuid::from_u128(9), "order": ORDER,
            "record": [2, 40], "origin": { "cluster": "ours", "at": at },
        })
    };
    publish(0, entry(0, "replayed")).await;
    publish(0, entry(0, "discarded")).await;
    let mut old = entry(1, "replayed");
    for field in ["record", "origin"] {
        old.as_object_mut().unwrap().remove(field).unwrap();
    }
    publish(1, old).await;
    publish(2, entry(2, "discarded")).await;
    publish(3, json!({ "letter": "of another form" })).await;

    for _ in 0..2 {
        import_journal(kafka.config(), database.pool.clone()).run(CancellationToken::new()).await.unwrap();
    }

    let read = letters.of(&[&letter(0, at), &letter(1, at), &letter(2, at)]).await.unwrap();
    let imported = ResolvedLetter {
        letter: "order.paid.dlq/0/0".to_owned(),
        given_up_at: at,
        action: Action::Discarded,
        decided_by: "ann".to_owned(),
        at,
        why: "by hand".to_owned(),
        consumer: "assembly-group-order-paid".to_owned(),
        event_uuid: Some(Uuid::from_u128(9)),
        order_uuid: Some(ORDER),
        partition: Some(2),
        record_offset: Some(40),
        cluster: "ours".to_owned(),
        published_at: Some(at),
    };
    let old = ResolvedLetter {
        letter: "order.paid.dlq/0/1".to_owned(),
        action: Action::Replayed,
        partition: None,
        record_offset: None,
        cluster: String::new(),
        published_at: None,
        ..imported.clone()
    };
    assert_eq!(read.of(&letter(0, at)), Some(&imported));
    assert_eq!(read.of(&letter(1, at)), Some(&old), "an entry of an older version, without record and origin");
    assert_eq!(read.of(&letter(2, at)), Some(&kept));
}

async fn table() -> (Database, ResolvedLetters) {
    let database = testkit::database(operations::SERVICE.migrations().unwrap()).await;
    let letters = ResolvedLetters::new(database.pool.clone());
    (database, letters)
}

/// Returns a letter of the order, dead-lettered at this time.
fn letter(offset: i64, at: DateTime<Utc>) -> DeadLetter {
    let id = Id { topic: "order.paid.dlq".to_owned(), partition: 0, offset };
    let message = Message { key: ORDER.to_string().into_bytes(), ..Message::default() };
    DeadLetter { id, at, message, outline: None }
}

fn row(letter: &DeadLetter, action: Action, why: &str) -> ResolvedLetter {
    ResolvedLetter::now(letter, "events.v1.OrderPaid", action, &Author::part("test"), why)
}

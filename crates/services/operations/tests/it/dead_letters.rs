//! Many dead letters: pages, dry runs, and actions on all that match.

use std::{
    collections::{BTreeSet, HashMap},
    ops::Range,
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, Utc};
use contracts::events::{JOURNAL, OrderPaid, Published as _, record};
use operations::{
    dead_letter_queue::{Chosen, DeadLetterQueue, Progress, State},
    model::Filter,
    repository::resolved_letters::ResolvedLetters,
};
use outbox::{Publisher as _, Record};
use platform::{
    auth::Author,
    clock,
    config::Settings,
    kafka::{
        Config, HEADER_ERROR, HEADER_FAILED_AT, HEADER_GROUP, HEADER_OFFSET, HEADER_PARTITION, HEADER_TOPIC,
        KafkaPublisher, dead_letter_topic,
    },
};
use serde_json::json;
use testkit::Kafka;
use tokio::time::Instant;
use uuid::Uuid;

const LETTERS: usize = 10_000;
/// Four of five messages cannot be decoded.
const POISON: usize = LETTERS / 5 * 4;
/// The user of all orders.
const BUYER: Uuid = Uuid::from_u128(1);

#[tokio::test]
async fn a_page_of_ten_thousand_dead_letters_is_read_and_all_that_match_are_replayed() {
    let kafka = testkit::kafka().await;
    let topic = kafka.topic::<OrderPaid>();
    fill(&kafka, &topic, 0..LETTERS, clock::now()).await;
    let queue = queue(&kafka).await;
    let all = Filter { topic: Some(topic.clone()), ..Filter::default() };
    let poison = Filter { reason: Some("NOT A PROTOBUF".to_owned()), ..all.clone() };
    let begun = Instant::now();

    let page = queue.page(&Filter::default(), 100, 50).await.unwrap();

    println!("a page of {LETTERS} dead letters takes {:?}", begun.elapsed());
    assert_eq!((page.matching, page.pending, page.letters.len()), (LETTERS as u64, LETTERS as u64, 50));
    let letter = &page.letters[0];
    assert_eq!((letter.kind.as_str(), letter.topic.as_str()), (OrderPaid::TYPE, topic.as_str()));
    assert!(page.letters.iter().any(|letter| letter.payload.contains("payment_method: \"CARD\"")), "{letter:?}");
    assert_eq!(queue.page(&poison, 0, 1).await.unwrap().matching, POISON as u64);
    let nothing = Filter { kind: Some("events.v1.ShipAssembled".to_owned()), ..Filter::default() };
    assert_eq!(queue.page(&nothing, 0, 1).await.unwrap().matching, 0);

    let plan = queue.plan(&Chosen::Matching(all.clone())).await.unwrap();
    assert_eq!(
        (plan.messages, plan.letters, plan.poison.len(), plan.late),
        (LETTERS as u64, LETTERS as u64, POISON, 0)
    );
    assert!(plan.poison[0].reason.contains("not a protobuf message"), "{:?}", plan.poison[0]);

    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = seen.clone();
    let progress: Progress = Arc::new(move |done, all| told.lock().unwrap().push((done, all)));
    let discarded = queue.discard(&Chosen::Matching(poison), &operator(), "sent by a test", &progress).await.unwrap();
    assert_eq!(discarded, format!("{POISON} dead letters discarded"));
    assert_eq!(seen.lock().unwrap().last(), Some(&(POISON, POISON)));
    let begun = Instant::now();
    let replayed = queue.replay(&Chosen::Matching(all.clone()), false, &operator(), &progress).await.unwrap();
    let rest = LETTERS - POISON;
    println!("{rest} messages are replayed in {:?}", begun.elapsed());

    assert_eq!(replayed.to_string(), format!("{rest} messages replayed, {rest} dead letters resolved"));
    assert_eq!(seen.lock().unwrap().last(), Some(&(rest, rest)));
    let page = queue.page(&all, 0, 50).await.unwrap();
    assert_eq!((page.matching, page.replayed, page.discarded), (0, rest as u64, POISON as u64));
    assert_eq!(kafka.messages(&topic).await.len(), rest);
    let again = queue.replay(&Chosen::Matching(all), false, &operator(), &progress).await.unwrap();
    assert_eq!(again.messages, 0, "a resolved letter is not replayed again");
}

#[tokio::test]
async fn payloads_of_dead_letters_are_read_only_to_be_shown_checked_or_replayed() {
    const SIZE: usize = 500_000;
    let kafka = testkit::kafka().await;
    let topic = kafka.topic::<OrderPaid>();
    let publisher = KafkaPublisher::new(&Config { kafka_create_topics: false, ..kafka.config() }).unwrap();
    // Two consumers dead-lettered the first message.
    let letters =
        [0_u8, 0, 1, 2].map(|number| letter(&topic, usize::from(number), clock::now(), vec![number; SIZE], "too hard"));
    publisher.publish(letters.to_vec()).await.unwrap();
    let queue = queue(&kafka).await;
    let all = Chosen::Matching(Filter { topic: Some(topic.clone()), ..Filter::default() });
    let progress: Progress = Arc::new(|_, _| {});

    let found = queue.letters(Some(&topic)).await.unwrap();
    let shown = queue.letter(&found[0].letter.id).await.unwrap();
    let page = queue.page(&Filter::default(), 1, 2).await.unwrap();
    let plan = queue.plan(&all).await.unwrap();
    let replayed = queue.replay(&all, false, &operator(), &progress).await.unwrap();

    let sizes: Vec<usize> = found.iter().map(|found| found.letter.message.payload.len()).collect();
    assert_eq!((sizes, shown.letter.message.payload.len()), (vec![0; 4], SIZE));
    let texts: Vec<bool> = page.letters.iter().map(|letter| letter.payload.starts_with("500000 bytes")).collect();
    assert_eq!(texts, [true, true]);
    assert_eq!((plan.messages, plan.letters, plan.poison.len()), (3, 4, 3));
    assert_eq!(replayed.to_string(), "3 messages replayed, 4 dead letters resolved");
    let payloads: BTreeSet<Vec<u8>> = kafka.messages(&topic).await.into_iter().map(|one| one.payload).collect();
    assert!(payloads == BTreeSet::from([0_u8, 1, 2].map(|number| vec![number; SIZE])));
}

#[tokio::test]
async fn a_letter_that_inboxes_will_have_forgotten_within_a_day_is_not_replayed_by_default() {
    let kafka = testkit::kafka().await;
    let topic = kafka.topic::<OrderPaid>();
    let (life, hour) = (kafka.config().record_life(), Duration::from_hours(1));
    fill(&kafka, &topic, 0..1, clock::now() - (life + hour)).await;
    fill(&kafka, &topic, 1..2, clock::now() - life + hour).await;
    let queue = queue(&kafka).await;
    let all = Chosen::Matching(Filter { topic: Some(topic), ..Filter::default() });
    let progress: Progress = Arc::new(|_, _| {});

    let plan = queue.plan(&all).await.unwrap();
    let replayed = queue.replay(&all, false, &operator(), &progress).await.unwrap();

    assert_eq!((plan.messages, plan.late), (1, 1));
    assert_eq!((replayed.messages, replayed.problems.len()), (1, 1), "{:?}", replayed.problems);
    assert_eq!(queue.replay(&all, true, &operator(), &progress).await.unwrap().messages, 1);
}

#[tokio::test]
async fn a_letter_about_the_operators_own_order_is_another_operators_matter() {
    let kafka = testkit::kafka().await;
    let topic = kafka.topic::<OrderPaid>();
    fill(&kafka, &topic, 0..1, clock::now()).await;
    let queue = queue(&kafka).await;
    let all = Chosen::Matching(Filter { topic: Some(topic), ..Filter::default() });
    let (own, progress): (_, Progress) = (Author::user(BUYER), Arc::new(|_, _| {}));

    let replay = queue.replay(&all, false, &own, &progress).await.unwrap_err().to_string();
    let discard = queue.discard(&all, &own, "never right", &progress).await.unwrap_err().to_string();

    assert!(replay.starts_with("SELF_DEALING: ") && discard.starts_with("SELF_DEALING: "), "{replay}; {discard}");
    assert_eq!(queue.replay(&all, false, &operator(), &progress).await.unwrap().messages, 1);
    let letters = queue.letters(None).await.unwrap();
    let State::Replayed(row) = &letters[0].state else { panic!("{letters:?}") };
    assert_eq!(row.decided_by, operator().as_str());
}

#[tokio::test]
async fn nothing_is_published_by_a_role_that_may_only_read_the_resolved_letters() {
    let kafka = testkit::kafka().await;
    let topic = kafka.topic::<OrderPaid>();
    fill(&kafka, &topic, 0..1, clock::now()).await;
    let database = testkit::database(operations::SERVICE.migrations().unwrap()).await;
    database.pool.set([("default_transaction_read_only", "on")]);
    let resolved = ResolvedLetters::new(database.pool);
    let queue = DeadLetterQueue::new(kafka.config(), kafka.topics(), resolved).unwrap();
    let (all, progress): (_, Progress) = (Chosen::Matching(Filter::default()), Arc::new(|_, _| {}));

    let error = queue.replay(&all, false, &operator(), &progress).await.unwrap_err();

    assert!(format!("{error:#}").contains("read-only transaction"), "{error:#}");
    assert_eq!((queue.letters(None).await.unwrap().len(), kafka.messages(&topic).await.len()), (1, 0));
}

#[tokio::test]
async fn a_letter_that_only_the_journal_of_earlier_versions_resolves_is_not_pending() {
    let kafka = testkit::kafka().await;
    let topic = kafka.topic::<OrderPaid>();
    fill(&kafka, &topic, 0..2, clock::now()).await;
    let queue = queue(&kafka).await;
    let letters = queue.letters(None).await.unwrap();
    let letter = &letters[0].letter;
    let entry = json!({
        "letter": letter.id.to_string(), "given_up_at": letter.at, "action": "discarded", "who": "ann",
        "at": clock::now(), "why": "by hand", "group": "", "event": null, "order": null,
    });
    let (key, payload) = (letter.id.to_string().into_bytes(), entry.to_string().into_bytes());
    let journal = format!("{}{JOURNAL}", kafka.prefix);
    kafka.publish(vec![Record { topic: journal, key, payload, headers: HashMap::new() }]).await;

    let page = queue.page(&Filter::default(), 0, 10).await.unwrap();

    assert_eq!((page.pending, page.discarded, page.letters.len()), (1, 1, 1));
}

/// Returns the queue with a database of its own.
async fn queue(kafka: &Kafka) -> DeadLetterQueue {
    let database = testkit::database(operations::SERVICE.migrations().unwrap()).await;
    let settings = Settings::from_variables(kafka.settings()).with([("OPERATIONS_DATABASE_URL", database.url)]);
    DeadLetterQueue::from_settings(&settings).unwrap()
}

fn operator() -> Author {
    Author::user(Uuid::from_u128(2))
}

/// Writes dead letters of a topic with these numbers, dead-lettered at this time.
pub async fn fill(kafka: &Kafka, topic: &str, numbers: Range<usize>, at: DateTime<Utc>) {
    let publisher = KafkaPublisher::new(&Config { kafka_create_topics: false, ..kafka.config() }).unwrap();
    let filled = |number: usize| {
        let order = Uuid::from_u128(number as u128);
        let ids = (order.to_string(), BUYER.to_string());
        let event = OrderPaid {
            order_uuid: ids.0,
            user_uuid: ids.1,
            payment_method: "CARD".to_owned(),
            ..OrderPaid::default()
        };
        let is_poison = !number.is_multiple_of(5);
        let payload = if is_poison { b"\xff\x00".to_vec() } else { record(order, event).payload };
        let error = if is_poison { "not a protobuf message" } else { "a defect that was mended since" };
        letter(topic, number, at, payload, error)
    };
    for numbers in numbers.collect::<Vec<_>>().chunks(1_000) {
        publisher.publish(numbers.iter().map(|number| filled(*number)).collect()).await.unwrap();
    }
}

/// Returns a letter of a message whose order has this number, dead-lettered at this time.
fn letter(topic: &str, number: usize, at: DateTime<Utc>, payload: Vec<u8>, error: &str) -> Record {
    let order = Uuid::from_u128(number as u128);
    let headers = [
        ("event-type", OrderPaid::TYPE),
        (HEADER_TOPIC, topic),
        (HEADER_PARTITION, "0"),
        (HEADER_OFFSET, &number.to_string()),
        (HEADER_GROUP, "assembly-group-order-paid"),
        (HEADER_ERROR, error),
        (HEADER_FAILED_AT, &at.to_rfc3339()),
    ];
    let headers: HashMap<String, String> =
        headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Record { topic: dead_letter_topic(topic), key: order.to_string().into_bytes(), payload, headers }
}

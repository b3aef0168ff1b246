//! An operator sees dead letters, replays them, and audits the shop.

use std::collections::HashMap;

use contracts::events::{OrderPaid, Published as _};
use operations::registry::SERVICES;
use outbox::{Publisher as _, Record};
use platform::{
    clock, ids,
    kafka::{
        Config, HEADER_ERROR, HEADER_FAILED_AT, HEADER_GROUP, HEADER_OFFSET, HEADER_PARTITION, HEADER_TOPIC,
        KafkaPublisher, dead_letter_topic,
    },
};
use uuid::Uuid;

use super::browser::Browser;
use crate::{customer::Customer, operator, system::System};

const LETTERS: &str = "/console/operator/dead-letters";

async fn publish(system: &System, topic: String, key: Vec<u8>, payload: Vec<u8>, headers: &[(&str, &str)]) {
    let headers: HashMap<String, String> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let config = Config { kafka_create_topics: false, ..system.kafka.config() };
    let publisher = KafkaPublisher::new(&config).expect("a publisher");
    publisher.publish(vec![Record { topic, key, payload, headers }]).await.expect("it is acknowledged");
}

/// Buys a ship, and publishes a dead letter of its `OrderPaid`, as if a consumer had failed because of a defect that is
/// now fixed.
async fn mended_letter(system: &System, error: &str) {
    let customer = Customer::new(system).await;
    let part = customer.part("Window A").await.uuid;
    let order: Uuid = customer.order(&[&part]).await;
    customer.pay(order).await.success(200);
    customer.until(order, "ASSEMBLED").await;
    let topic = system.kafka.topic::<OrderPaid>();
    let messages = system.kafka.messages(&topic).await;
    let paid = messages.into_iter().find(|message| message.key == order.to_string().as_bytes()).expect("it is paid");
    let (partition, offset, at) = (paid.partition.to_string(), paid.offset.to_string(), clock::now().to_rfc3339());
    let mut headers: Vec<(&str, &str)> = paid.headers.texts().collect();
    headers.extend([
        (HEADER_TOPIC, topic.as_str()),
        (HEADER_PARTITION, &partition),
        (HEADER_OFFSET, &offset),
        (HEADER_GROUP, "assembly-group-order-paid"),
        (HEADER_ERROR, error),
        (HEADER_FAILED_AT, &at),
    ]);
    publish(system, dead_letter_topic(&topic), paid.key, paid.payload, &headers).await;
}

/// Replays all letters, and confirms on a page that must contain `says`.
async fn replay_all(browser: &Browser, says: &str) {
    browser.click("#replay-all").await;
    browser.wait_for("main", says).await;
    browser.click("#confirm").await;
    browser.arrive(LETTERS).await;
}

#[tokio::test]
async fn an_operator_sees_a_dead_letter_replays_it_and_audits_the_shop() {
    let system = System::start().await;
    let browser = Browser::start(&system).await;
    browser.log_in(&operator::session(&system).await).await;
    browser.open(LETTERS).await;
    browser.wait_for("#letters", "No dead letters").await;
    let markup = "a defect <img src=x onerror=document.title='gone'>";

    // The page is not reloaded by hand.
    mended_letter(&system, markup).await;
    browser.wait_for("#letters", "1 pending").await;
    assert!(browser.text("#letters").await.contains(markup));
    replay_all(&browser, "0 of them are still poison").await;
    browser.wait_for("#letters", "1 message replayed, 1 dead letter resolved").await;
    browser.wait_for("#letters", "No dead letters").await;

    // Publishes a poison message. Each consumer dead-letters it, and again after the replay.
    let (topic, key) = (system.kafka.topic::<OrderPaid>(), ids::random().to_string().into_bytes());
    publish(&system, topic, key, vec![0xff], &[("event-type", OrderPaid::TYPE)]).await;
    let count = OrderPaid::ROUTE.consumers.len();
    browser.wait_for("#letters", &format!("{count} pending")).await;
    replay_all(&browser, "1 of them is still poison").await;
    browser.wait_for("#letters", &format!("1 message replayed, {count} dead letters resolved")).await;
    browser.wait_for("#letters", &format!("{count} pending")).await;

    browser.open("/console/operator/audit").await;
    browser.click("#run-audit").await;
    browser.click("#confirm").await;
    browser.wait_for(".verdict", "invariants").await;
    let shown = browser.text("#report").await;
    let printed = String::from_utf8(system.shipyard(&["audit"]).await.stdout).expect("text");
    // Each audit ends the account of the user that it registers, so the later one counts one event more (invariant 4),
    // and counts the action of the earlier one (invariant 14).
    let of = |report: &str| {
        let grows = |line: &&str| [" 4  holds", "14  holds"].iter().any(|number| line.starts_with(number));
        let lines = report.trim().lines().filter(|line| !grows(line));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(of(&shown), of(&printed));

    let ready = format!("All {} are ready", SERVICES.len());
    for (page, text) in [("services", &*ready), ("outbox", "order"), ("lag", "console-group-timeline")] {
        browser.open(&format!("/console/operator/{page}")).await;
        browser.wait_for("main", text).await;
    }
    browser.assert_calm(&[401]).await;
}

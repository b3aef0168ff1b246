//! Detects poison: a dead letter that no consumer can decode. A replay would dead-letter it again.

use contracts::events::{BASKET_CONFIRMED, INBOUND, InboundTopic, LOAN_APPROVED, ORDERS, ROUTES, Topics};
use platform::kafka::Message;

use crate::dead_letters::DeadLetter;

/// Returns why a consumer cannot read a payload; `None` if it can.
type Problem = fn(&[u8]) -> Option<String>;

/// The topics that outside programs write, and how their consumers decode them.
const READERS: [(InboundTopic, Problem); INBOUND.len()] = [
    (BASKET_CONFIRMED, delivery::consumers::basket_problem),
    (LOAN_APPROVED, customers::consumers::loan_problem),
    (ORDERS, intake::consumers::order_problem),
];

/// Returns why the consumers of the letter's topic cannot read the message; `None` if they can. They may still refuse
/// it because of rows they have stored, which is not known here.
pub fn still_poison(letter: &DeadLetter, topics: &Topics) -> Option<String> {
    let mut readers = READERS.iter().filter(|(inbound, _)| inbound.topic(topics) == letter.origin());
    if let Some((_, problem)) = readers.next() {
        return problem(&letter.message.payload);
    }
    let original = letter.original();
    let message = Message { headers: original.headers, ..letter.message.clone() };
    let mut routes =
        ROUTES.iter().filter(|route| route.topic(topics) == letter.origin() && !route.consumers.is_empty());
    routes.find_map(|route| route.read(&message)?.err().map(|failure| failure.to_string()))
}

/// Returns true if outside programs write the topic: its messages are then not events of this shop.
pub fn is_from_outside(topic: &str, topics: &Topics) -> bool {
    INBOUND.iter().any(|inbound| inbound.topic(topics) == topic)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use contracts::proto::basket::events::{Address, BasketConfirmedIntegrationEvent};
    use platform::kafka::{HEADER_ORIGINALS, HEADER_TOPIC};
    use prost::Message as _;

    use super::*;
    use crate::dead_letters::Id;

    const ID: &str = "0198c0de-0000-7000-8000-000000000001";

    fn problem(topic: &str, payload: &[u8]) -> Option<String> {
        let topics = Topics::default().renamed(|name| format!("shop.{name}"));
        let origin = format!("shop.{topic}");
        let headers = [(HEADER_TOPIC, origin.as_str()), (HEADER_ORIGINALS, "0")];
        let letter = DeadLetter {
            id: Id { topic: format!("{origin}.dlq"), partition: 0, offset: 0 },
            at: DateTime::UNIX_EPOCH,
            message: Message {
                payload: payload.to_vec(),
                headers: headers.map(|(name, value)| (name.to_owned(), Some(value.into()))).into_iter().collect(),
                ..Message::default()
            },
            outline: None,
        };
        still_poison(&letter, &topics)
    }

    #[test]
    fn a_letter_of_a_topic_of_programs_outside_is_poison_if_its_consumer_cannot_read_it() {
        let address = Some(Address { street: "Main Street".to_owned() });
        let basket = BasketConfirmedIntegrationEvent { basket_id: ID.to_owned(), address, volume: 5 };
        let small = BasketConfirmedIntegrationEvent { volume: 0, ..basket.clone() };
        let loan = format!(r#"{{"customer_id":"{ID}","loan_id":"loan-1","amount":6500.00}}"#);
        let pieces = vec![intake::sample::Piece { name: "Thruster".to_owned() }];
        let order = intake::sample::short_order(7, "customer".to_owned(), pieces, platform::clock::now());
        let nameless = intake::model::Order { customer_id: String::new(), ..order.clone() };
        let json = |order: &intake::model::Order| serde_json::to_vec(order).expect("an order is JSON");

        for (topic, payload) in [
            ("basket.confirmed", basket.encode_to_vec()),
            ("loan.approved", loan.clone().into_bytes()),
            ("orders", json(&order)),
        ] {
            assert_eq!(problem(topic, &payload), None, "{topic}");
        }
        for (topic, payload, expected) in [
            ("basket.confirmed", small.encode_to_vec(), "volume: "),
            ("basket.confirmed", b"no basket".to_vec(), ""),
            ("loan.approved", loan.replace("6500.00", "-1").into_bytes(), "amount: must be above 0"),
            ("orders", b"{".to_vec(), "body: "),
            ("orders", json(&nameless), "customer_id: must not be blank"),
        ] {
            let problem = problem(topic, &payload).unwrap_or_else(|| panic!("{topic} is poison: {expected}"));
            assert!(problem.starts_with(expected), "{topic}: {problem}");
        }
        assert!(problem("order.paid", b"\xff").is_some(), "a topic of ours, as before");
    }
}

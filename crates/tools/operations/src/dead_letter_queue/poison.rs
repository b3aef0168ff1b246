//! Whether a dead letter is poison to every consumer, so that a replay would dead-letter it again.

use contracts::events::{INBOUND, ROUTES, Topics};
use platform::kafka::Message;

use crate::dead_letters::DeadLetter;

/// Returns why the consumers of the letter's topic cannot read the message; `None` if they can, or if the topic belongs to
/// a program outside.
pub fn still_poison(letter: &DeadLetter, topics: &Topics) -> Option<String> {
    let original = letter.original();
    let message = Message { headers: original.headers, ..letter.message.clone() };
    let mut routes =
        ROUTES.iter().filter(|route| route.topic(topics) == letter.origin() && !route.consumers.is_empty());
    routes.find_map(|route| route.read(&message)?.err().map(|failure| failure.to_string()))
}

/// Returns whether programs outside write the topic, so that its messages have no types of ours.
pub fn is_from_outside(topic: &str, topics: &Topics) -> bool {
    INBOUND.iter().any(|inbound| inbound.topic(topics) == topic)
}

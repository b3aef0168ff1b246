//! The message to a chat: the words of one notification, or of as many as wait and fit, one after another.

use crate::{
    client::{Message, Part},
    model::{Batch, Due},
};

/// Between two notifications: a blank line.
const GAP: &str = "\n\n";

/// What is handed over at once.
pub struct Digest {
    /// The notifications that are in it, in the order of its text.
    pub batch: Batch,
    parts: Vec<Part>,
    text: String,
}

impl Digest {
    /// The oldest of a batch, as many as have room in `longest` UTF-16 code units; the first in any case. The others wait.
    ///
    /// A single notification is in its own words alone. Nothing for an empty batch.
    pub fn of(chat: String, ambiguous: bool, worded: Vec<(Due, String)>, longest: usize) -> Option<Self> {
        let mut digest =
            Self { batch: Batch { chat, ambiguous, waiting: Vec::new() }, parts: Vec::new(), text: String::new() };
        let mut length = 0;
        for (due, text) in worded {
            let first = digest.parts.is_empty();
            let gap = if first { "" } else { GAP };
            length += gap.len() + text.encode_utf16().count();
            if !first && length > longest {
                break;
            }
            digest.text.push_str(gap);
            digest.text.push_str(&text);
            digest.parts.push(Part { order: due.order, kind: due.kind, text });
            digest.batch.waiting.push(due);
        }
        (!digest.parts.is_empty()).then_some(digest)
    }

    pub fn message(&self) -> Message<'_> {
        Message { chat: &self.batch.chat, text: &self.text, parts: &self.parts }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::Value;
    use uuid::Uuid;

    use super::*;
    use crate::model::Kind;

    fn digest(texts: &[&str], longest: usize) -> Option<Digest> {
        let due = |number: u128| Due {
            uuid: Uuid::from_u128(number),
            order: Uuid::from_u128(number),
            user: Uuid::nil(),
            kind: Kind::OrderPaid,
            facts: Value::Null,
            trace: HashMap::new(),
            attempts: 0,
        };
        let worded = (1..).zip(texts).map(|(number, text)| (due(number), (*text).to_owned())).collect();
        Digest::of("chat".to_owned(), false, worded, longest)
    }

    #[test]
    fn a_single_notification_is_in_its_own_words() {
        assert_eq!(digest(&["One.\n\nMore."], 100).unwrap().message().text, "One.\n\nMore.");
    }

    #[test]
    fn several_are_told_one_after_another() {
        let digest = digest(&["One", "Two"], 100).unwrap();

        let message = digest.message();
        assert_eq!(message.text, "One\n\nTwo");
        let parts: Vec<_> = message.parts.iter().map(|part| (part.order.as_u128(), part.text.as_str())).collect();
        assert_eq!(parts, [(1, "One"), (2, "Two")]);
    }

    #[test]
    fn what_has_no_room_waits_with_all_behind_it() {
        let digest = digest(&["12345", "123", "1234", "1"], 10).unwrap();

        assert_eq!(digest.message().text, "12345\n\n123");
        assert_eq!(digest.batch.waiting.len(), 2);
    }

    #[test]
    fn length_is_counted_in_utf_16_code_units() {
        assert_eq!(digest(&["🚀🚀", "🚀🚀"], 10).unwrap().message().text, "🚀🚀\n\n🚀🚀");
        assert_eq!(digest(&["🚀🚀", "🚀🚀"], 9).unwrap().message().text, "🚀🚀");
    }

    #[test]
    fn a_text_that_is_too_long_goes_alone_and_as_it_is() {
        let digest = digest(&["far too long", "1"], 5).unwrap();

        assert_eq!((digest.message().text, digest.batch.waiting.len()), ("far too long", 1));
        assert!(self::digest(&[], 5).is_none());
    }
}

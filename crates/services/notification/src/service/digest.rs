//! A digest: one message with as many of a chat's queued notifications as fit.

use crate::{
    client::{Message, Part},
    model::{Batch, Due},
};

const SEPARATOR: &str = "\n\n";

pub struct Digest {
    /// The notifications in the order of the text.
    pub batch: Batch,
    parts: Vec<Part>,
    text: String,
}

impl Digest {
    /// Joins the first rendered notifications, at least one, as far as they fit into `max_length` UTF-16 code units.
    /// The rest stay queued. Returns `None` if `rendered` is empty.
    pub fn from_rendered(
        chat: String,
        ambiguous: bool,
        rendered: Vec<(Due, String)>,
        max_length: usize,
    ) -> Option<Self> {
        let mut digest =
            Self { batch: Batch { chat, ambiguous, waiting: Vec::new() }, parts: Vec::new(), text: String::new() };
        let mut length = 0;
        for (due, text) in rendered {
            let first = digest.parts.is_empty();
            let gap = if first { "" } else { SEPARATOR };
            length += gap.len() + text.encode_utf16().count();
            if !first && length > max_length {
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

    use contracts::ids::{OrderId, UserId};
    use serde_json::Value;
    use uuid::Uuid;

    use super::*;
    use crate::model::{Kind, NotificationId};

    fn digest(texts: &[&str], max_length: usize) -> Option<Digest> {
        let due = |number: u128| Due {
            id: NotificationId::new(Uuid::from_u128(number)),
            order: OrderId::new(Uuid::from_u128(number)),
            user: UserId::new(Uuid::nil()),
            kind: Kind::OrderPaid,
            facts: Value::Null,
            trace: HashMap::new(),
            attempts: 0,
        };
        let rendered = (1..).zip(texts).map(|(number, text)| (due(number), (*text).to_owned())).collect();
        Digest::from_rendered("chat".to_owned(), false, rendered, max_length)
    }

    #[test]
    fn a_single_notification_is_sent_as_it_is() {
        assert_eq!(digest(&["One.\n\nMore."], 100).unwrap().message().text, "One.\n\nMore.");
    }

    #[test]
    fn several_notifications_are_separated_by_a_blank_line() {
        let digest = digest(&["One", "Two"], 100).unwrap();

        let message = digest.message();
        assert_eq!(message.text, "One\n\nTwo");
        let parts: Vec<_> =
            message.parts.iter().map(|part| (part.order.uuid().as_u128(), part.text.as_str())).collect();
        assert_eq!(parts, [(1, "One"), (2, "Two")]);
    }

    #[test]
    fn a_notification_that_does_not_fit_stays_queued_with_all_after_it() {
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
    fn a_text_that_is_too_long_is_sent_alone_and_uncut() {
        let digest = digest(&["far too long", "1"], 5).unwrap();

        assert_eq!((digest.message().text, digest.batch.waiting.len()), ("far too long", 1));
        assert!(self::digest(&[], 5).is_none());
    }
}

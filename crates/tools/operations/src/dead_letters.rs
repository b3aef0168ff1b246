//! Dead letters: messages that a consumer failed to handle, read from the dead-letter topics.

use std::{fmt, str::FromStr};

use anyhow::Context as _;
use audit::facts;
use chrono::{DateTime, Utc};
use contracts::events::route_of;
use platform::kafka::{self, ExactRecord, Message, Reader};
use uuid::Uuid;

/// The position of a dead letter, which is its id: `order.paid.dlq/0/17`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
}

#[derive(Clone, Debug)]
pub struct DeadLetter {
    pub id: Id,
    /// The time at which the message was dead-lettered.
    pub at: DateTime<Utc>,
    pub message: Message,
}

/// Returns all letters of a dead-letter topic, the oldest first; `None` if the topic does not exist. Blocks.
pub fn read(reader: &Reader, topic: &str) -> anyhow::Result<Option<Vec<DeadLetter>>> {
    let extents = reader.extents(topic)?;
    if extents.is_empty() {
        return Ok(None);
    }
    let mut letters = Vec::new();
    reader.read(topic, &extents, |message, at| {
        let id = Id { topic: topic.to_owned(), partition: message.partition, offset: message.offset };
        let given_up = message.headers.get(kafka::HEADER_FAILED_AT).and_then(|at| at.parse().ok());
        letters.push(DeadLetter { id, at: given_up.unwrap_or(at), message });
    })?;
    letters.sort_by(|one, other| (one.at, &one.id).cmp(&(other.at, &other.id)));
    Ok(Some(letters))
}

impl DeadLetter {
    /// Returns the value of a header, or an empty string.
    pub fn header(&self, name: &str) -> &str {
        self.message.headers.get(name).unwrap_or_default()
    }

    /// Returns the original topic.
    pub fn origin(&self) -> &str {
        let named = self.header(kafka::HEADER_TOPIC);
        if named.is_empty() { kafka::original_topic(&self.id.topic) } else { named }
    }

    /// Returns false if the message was too large for the dead-letter topic, so that only the original topic has its
    /// payload.
    pub fn is_whole(&self) -> bool {
        self.message.headers.get(kafka::HEADER_LEFT_OUT).is_none()
    }

    /// Returns the time since which consumers may have handled the message: when its event happened, if the message says so. A
    /// letter may be much younger than its event.
    pub fn handled_since(&self) -> DateTime<Utc> {
        self.message.happened_at().map_or(self.at, |happened| happened.min(self.at))
    }

    /// Returns the message as it was before it was dead-lettered, byte for byte.
    pub fn original(&self) -> ExactRecord {
        kafka::original(self.message.clone(), self.origin().to_owned())
    }

    /// Returns the UUID of the message's event. `kind` is the event type of its original topic.
    pub fn event(&self, kind: &str) -> Option<Uuid> {
        event_uuid(kind, &self.message)
    }

    /// Returns the letter as a fact of an audit; `kind` is the event type of its original topic.
    pub fn fact(self, kind: &str) -> facts::DeadLetter {
        facts::DeadLetter {
            given_up_at: self.at,
            topic: self.origin().to_owned(),
            partition: self.header(kafka::HEADER_PARTITION).parse().unwrap_or(-1),
            offset: self.header(kafka::HEADER_OFFSET).parse().unwrap_or(-1),
            group: self.header(kafka::HEADER_GROUP).to_owned(),
            event: event_uuid(kind, &self.message),
            error: self.header(kafka::HEADER_ERROR).to_owned(),
            id: self.id.to_string(),
        }
    }
}

/// Returns the UUID of a message's event from its header, or else from the payload, decoded as an event of type `kind`.
pub fn event_uuid(kind: &str, message: &Message) -> Option<Uuid> {
    let header = message.headers.get("event-uuid").and_then(|uuid| Uuid::try_parse(uuid).ok());
    header.or_else(|| Some(route_of(kind)?.read(message)?.ok()?.uuid()))
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}/{}", self.topic, self.partition, self.offset))
    }
}

impl FromStr for Id {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let mut fields = text.rsplitn(3, '/');
        let mut field =
            || fields.next().context("a dead letter has an id such as order.paid.dlq/0/17; see `shipyard dlq list`");
        let (offset, partition, topic) = (field()?, field()?, field()?);
        Ok(Self { topic: topic.to_owned(), partition: partition.parse()?, offset: offset.parse()? })
    }
}

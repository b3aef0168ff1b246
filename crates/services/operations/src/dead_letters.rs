//! Dead letters: messages that a consumer failed to handle, read from the dead-letter topics.

use std::{collections::HashMap, fmt, str::FromStr};

use anyhow::Context as _;
use audit::facts;
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use contracts::{events::route_of, ids::UserId};
use platform::kafka::{self, ExactRecord, Extent, Message, Reader};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// A dead letter's id: its dead-letter topic, partition and offset, such as `order.paid.dlq/0/17`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
}

#[derive(Clone, Debug)]
pub struct DeadLetter {
    pub id: Id,
    /// When the message was dead-lettered.
    pub at: DateTime<Utc>,
    /// The record. Its payload is empty if `outline` is set.
    pub message: Message,
    /// The digest and size of a payload that was dropped to save memory; `None` if `message` still has its payload.
    pub outline: Option<Outline>,
}

/// Kept in place of a payload, since the payloads of all letters may not fit in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Outline {
    event: Option<Uuid>,
    /// When the event happened; `None` for a record of a program outside, which chooses its headers.
    happened_at: Option<DateTime<Utc>>,
    /// The user whom the event concerns.
    user: Option<Uuid>,
    /// The SHA-256 digest, which identifies equal messages.
    digest: [u8; 32],
    /// The size in bytes.
    size: usize,
}

/// Returns the result of `keep` for each letter of a dead-letter topic, oldest first; `None` if the topic does not
/// exist. Blocks.
pub fn read<T>(reader: &Reader, topic: &str, keep: impl Fn(DeadLetter) -> T) -> anyhow::Result<Option<Vec<T>>> {
    let extents = reader.extents(topic)?;
    if extents.is_empty() {
        return Ok(None);
    }
    let mut letters = Vec::new();
    reader.read(topic, &extents, |message, at| {
        let letter = DeadLetter::new(topic, message, at);
        letters.push((letter.at, letter.id.clone(), keep(letter)));
    })?;
    letters.sort_by(|(at, id, _), (other_at, other_id, _)| (at, id).cmp(&(other_at, other_id)));
    Ok(Some(letters.into_iter().map(|(_, _, kept)| kept).collect()))
}

/// The cluster and the time of a record's publication. Empty if they are not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Origin {
    pub cluster: String,
    pub at: Option<DateTime<Utc>>,
}

/// Clocks of programs that write one topic may differ by this much.
const MAX_SKEW: TimeDelta = TimeDelta::minutes(1);

/// Distinguishes the records of a topic from those of an earlier topic of the same name, by the cluster, and by the
/// offset and time of the first record of each partition.
pub(crate) struct Beginning {
    pub cluster: String,
    pub first: HashMap<i32, (i64, DateTime<Utc>)>,
}

impl Beginning {
    /// Reads the first record of each partition. Blocks.
    pub fn read(reader: &Reader, topic: &str, extents: &[Extent]) -> anyhow::Result<Self> {
        let start = |extent: &Extent| Extent { end: extent.end.min(extent.start + 1), ..*extent };
        let mut this = Self { cluster: reader.cluster().unwrap_or_default(), first: HashMap::new() };
        let starts: Vec<Extent> = extents.iter().map(start).collect();
        reader.read(topic, &starts, |message, at| {
            this.first.insert(message.partition, (message.offset, at));
        })?;
        Ok(this)
    }

    /// Returns false if a record of this origin and offset was in an earlier topic, or in another cluster. An unknown
    /// origin counts as the present topic.
    pub fn has(&self, partition: i32, offset: i64, origin: &Origin) -> bool {
        let is_known = !self.cluster.is_empty() && !origin.cluster.is_empty();
        let (Some(at), Some((first, since))) = (origin.at, self.first.get(&partition)) else {
            return !is_known || self.cluster == origin.cluster;
        };
        let is_earlier = offset >= *first && at + MAX_SKEW < *since;
        !is_earlier && (!is_known || self.cluster == origin.cluster)
    }
}

impl DeadLetter {
    /// Converts a record of a dead-letter topic, with its timestamp, to a letter.
    pub fn new(topic: &str, message: Message, at: DateTime<Utc>) -> Self {
        let id = Id { topic: topic.to_owned(), partition: message.partition, offset: message.offset };
        let given_up = kafka::added(&message, kafka::HEADER_FAILED_AT).and_then(|at| at.parse().ok());
        // In microseconds, PostgreSQL's resolution, so that the row of a resolved letter has the same time.
        Self { id, at: given_up.unwrap_or(at).trunc_subsecs(6), message, outline: None }
    }

    /// Replaces the payload with its outline. `kind` is the event type of the original topic.
    #[must_use]
    pub fn without_payload(mut self, kind: &str) -> Self {
        let route = route_of(kind);
        let user = route.and_then(|route| route.user(&self.message)).map(UserId::uuid);
        let happened_at = route.and_then(|_| self.message.happened_at());
        let (event, digest) = (self.event(kind), Sha256::digest(&self.message.payload).into());
        self.outline = Some(Outline { event, happened_at, user, digest, size: self.message.payload.len() });
        self.message.payload = Vec::new();
        self
    }

    /// Returns the size of the payload in bytes, even if the payload is not kept.
    pub fn payload_size(&self) -> usize {
        self.outline.map_or(self.message.payload.len(), |outline| outline.size)
    }

    /// Returns the value of a header that the consumer added, or an empty string.
    pub fn header(&self, name: &str) -> &str {
        kafka::added(&self.message, name).unwrap_or_default()
    }

    pub fn origin(&self) -> &str {
        let named = self.header(kafka::HEADER_TOPIC);
        if named.is_empty() { kafka::original_topic(&self.id.topic) } else { named }
    }

    /// Returns the origin of the original record; unknown if the consumer was of an older version.
    pub fn published(&self) -> Origin {
        let at = self.header(kafka::HEADER_PUBLISHED_AT).parse().ok();
        Origin { cluster: self.header(kafka::HEADER_CLUSTER).to_owned(), at }
    }

    /// Returns the partition and offset of the original record, if the headers name them.
    pub fn record(&self) -> Option<(i32, i64)> {
        self.header(kafka::HEADER_PARTITION).parse().ok().zip(self.header(kafka::HEADER_OFFSET).parse().ok())
    }

    /// Returns false if the message was too large for the dead-letter topic: then only the original topic has its
    /// payload.
    pub fn is_whole(&self) -> bool {
        kafka::added(&self.message, kafka::HEADER_LEFT_OUT).is_none()
    }

    /// Returns the time since which consumers may have handled the message: that of its event, if it is known. A letter
    /// may be much younger than its event.
    pub fn handled_since(&self) -> DateTime<Utc> {
        let happened_at = self.outline.and_then(|outline| outline.happened_at);
        happened_at.map_or(self.at, |happened| happened.min(self.at))
    }

    /// Returns the original message byte for byte, except for a payload that is not kept.
    pub fn original(&self) -> ExactRecord {
        kafka::original(self.message.clone(), self.origin().to_owned())
    }

    /// Returns the UUID of the message's event. `kind` is the event type of its original topic.
    pub fn event(&self, kind: &str) -> Option<Uuid> {
        self.outline.map_or_else(|| event_uuid(kind, &self.message), |outline| outline.event)
    }

    /// Returns the user whom the message's event concerns, if its payload was read and replaced by its outline.
    pub fn user(&self) -> Option<Uuid> {
        self.outline.and_then(|outline| outline.user)
    }

    /// Returns the letter as a fact of an audit, as one whose record is in the topic. `kind` is the event type of its
    /// original topic.
    pub fn fact(self, kind: &str) -> facts::DeadLetter {
        let (partition, offset) = self.record().unwrap_or((-1, -1));
        facts::DeadLetter {
            given_up_at: self.at,
            topic: self.origin().to_owned(),
            partition,
            offset,
            is_current: true,
            group: self.header(kafka::HEADER_GROUP).to_owned(),
            event: self.event(kind),
            error: self.header(kafka::HEADER_ERROR).to_owned(),
            id: self.id.to_string(),
        }
    }
}

/// Returns the UUID of a message's event from its header, or else from the payload, decoded as an event of type `kind`.
/// `None` for a message that is not an event of the shop, even if its header names one.
pub fn event_uuid(kind: &str, message: &Message) -> Option<Uuid> {
    let route = route_of(kind)?;
    let header = message.headers.get(outbox::HEADER_EVENT_UUID).and_then(|uuid| Uuid::try_parse(uuid).ok());
    header.or_else(|| Some(route.read(message)?.ok()?.uuid()))
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

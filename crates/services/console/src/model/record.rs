//! A record of a topic of orders.

use chrono::{DateTime, Utc};
use contracts::{
    events,
    ids::{OrderId, UserId},
};
use platform::kafka::{HEADER_EVENT_TYPE, Message};
use serde_json::{Map, Value};
use uuid::Uuid;

/// The header with the trace in which an event was written.
const TRACE: &str = "traceparent";

/// A record that has no place in the timeline yet.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRecord {
    /// The id of the cluster and the record's time, which distinguish it from a record at the same offset in a topic or
    /// broker that was created again. The column is `topic_id`; in rows of earlier versions it is the topic's id.
    pub origin: String,
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub order: OrderId,
    pub user: Option<UserId>,
    pub event: Option<Uuid>,
    /// The type, such as `events.v1.OrderPaid`. Empty if the record does not name one.
    pub kind: String,
    /// When the reported change was committed, or the time of publication if the record lacks it.
    pub committed_at: DateTime<Utc>,
    pub published_at: DateTime<Utc>,
    pub consumed_at: DateTime<Utc>,
    pub trace: Option<String>,
    /// The decoded message; null if it could not be decoded.
    pub payload: Value,
    pub headers: Value,
}

/// A record at its place in the timeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The number of the record in the timeline, which grows in the order of commits.
    pub place: i64,
    /// True if an earlier record has the same event, which was published again.
    pub is_repeat: bool,
    pub record: NewRecord,
}

impl NewRecord {
    /// Reads a message of a topic of orders. `None` if its key is not a uuid: the message then concerns no order.
    pub fn read(message: &Message, now: DateTime<Utc>) -> Option<Self> {
        let order = Uuid::try_parse(std::str::from_utf8(&message.key).ok()?).ok()?;
        let kind = message.headers.get(HEADER_EVENT_TYPE).unwrap_or_default().to_owned();
        let payload = events::json(&kind, &message.payload).unwrap_or_default();
        let uuid = |member: &str| payload[member].as_str().and_then(|text| Uuid::try_parse(text).ok());
        let published_at = message.published_at.unwrap_or(now);
        let headers: Map<String, Value> =
            message.headers.texts().map(|(name, value)| (name.to_owned(), value.into())).collect();
        Some(Self {
            origin: format!("{}/{}", message.cluster, published_at.timestamp_millis()),
            topic: message.topic.clone(),
            partition: message.partition,
            offset: message.offset,
            order: OrderId::new(order),
            user: uuid("user_uuid").map(UserId::new),
            event: uuid("event_uuid"),
            committed_at: message.happened_at().unwrap_or(published_at),
            published_at,
            consumed_at: now,
            trace: message.headers.get(TRACE).and_then(trace_id).map(str::to_owned),
            headers: headers.into(),
            payload,
            kind,
        })
    }
}

/// Returns the trace id of a W3C `traceparent`, `00-<32 hexadecimal digits>-…`.
fn trace_id(parent: &str) -> Option<&str> {
    let id = parent.split('-').nth(1)?;
    (id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(id)
}

#[cfg(test)]
mod tests {
    use contracts::events::{OrderPaid, record};
    use platform::kafka::HEADER_EVENT_TIME;

    use super::*;

    fn message(order: Uuid) -> Message {
        let paid = OrderPaid {
            order_uuid: order.to_string(),
            user_uuid: Uuid::from_u128(2).to_string(),
            payment_method: "CARD".to_owned(),
            ..OrderPaid::default()
        };
        let mut message = Message {
            topic: "order.paid".to_owned(),
            key: order.to_string().into_bytes(),
            payload: record(order, paid).payload,
            ..Message::default()
        };
        message.headers.push_text(HEADER_EVENT_TYPE, "events.v1.OrderPaid");
        message.headers.push_text(HEADER_EVENT_TIME, "2026-11-26T10:00:00.250Z");
        message.headers.push_text(TRACE, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        message
    }

    #[test]
    fn a_record_is_decoded_with_its_ids_times_and_trace() {
        let order = Uuid::from_u128(1);

        let read = NewRecord::read(&message(order), platform::clock::now()).unwrap();

        assert_eq!((read.order.uuid(), read.user.map(UserId::uuid)), (order, Some(Uuid::from_u128(2))));
        assert_eq!(read.payload["payment_method"], "CARD");
        assert_eq!(read.committed_at.to_rfc3339(), "2026-11-26T10:00:00.250+00:00");
        assert_eq!(read.trace.as_deref(), Some("0af7651916cd43dd8448eb211c80319c"));
    }

    #[test]
    fn a_record_without_an_order_as_its_key_is_left_out_and_one_that_is_no_message_is_kept() {
        let order = Uuid::from_u128(1);
        let stray = Message { key: b"nobody".to_vec(), ..message(order) };
        let broken = Message { payload: vec![0xff], ..message(order) };

        assert_eq!(NewRecord::read(&stray, platform::clock::now()), None);
        assert_eq!(NewRecord::read(&broken, platform::clock::now()).unwrap().payload, Value::Null);
    }
}

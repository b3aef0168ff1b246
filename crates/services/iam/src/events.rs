//! Encodes, for the outbox, the events of accounts. They contain no personal data.

use chrono::{DateTime, Utc};
use contracts::{
    events::{UserErased, record},
    ids::UserId,
};
use platform::grpc::timestamp;

/// The event of an account that has ended.
pub fn user_erased(user: UserId, erased_at: DateTime<Utc>) -> outbox::Event {
    let (event_uuid, user_uuid) = (String::new(), user.to_string());
    record(user.uuid(), UserErased { event_uuid, user_uuid, erased_at: Some(timestamp(erased_at)) })
}

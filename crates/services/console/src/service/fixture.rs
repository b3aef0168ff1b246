//! The fixture that the tests of streams share.

use contracts::ids::OrderId;
use platform::{clock, ids};
use serde_json::Value;

use crate::model::NewRecord;

/// Returns a record that begins no state, so that it is one step.
pub fn record(order: OrderId, offset: i64) -> NewRecord {
    let now = clock::now();
    NewRecord {
        origin: String::new(),
        topic: "order.paid".to_owned(),
        partition: 0,
        offset,
        order,
        user: None,
        event: Some(ids::random()),
        kind: "events.v1.Unheard".to_owned(),
        committed_at: now,
        published_at: now,
        consumed_at: now,
        trace: None,
        payload: Value::Null,
        headers: Value::Null,
    }
}

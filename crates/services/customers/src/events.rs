//! Encodes, for the outbox, the events that the model's transitions return. They contain no personal data.

use contracts::events::{CustomerCreated, CustomerUpdated, record};

use crate::model::{Change, Event};

impl From<&Event> for outbox::Event {
    fn from(event: &Event) -> Self {
        let key = event.customer.uuid();
        let (customer_id, user_uuid) = (key.to_string(), key.to_string());
        let kyc_status = event.status.as_str().to_owned();
        let reason = event.reason.map_or("", crate::model::Reason::as_str).to_owned();
        let (version, event_uuid) = (event.version, String::new());
        match event.change {
            Change::Created => {
                record(key, CustomerCreated { event_uuid, customer_id, user_uuid, kyc_status, version, reason })
            }
            Change::Updated => {
                record(key, CustomerUpdated { event_uuid, customer_id, user_uuid, kyc_status, version, reason })
            }
        }
    }
}

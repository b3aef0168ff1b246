//! The events about customers. They carry no personal data; consumers that need it request it from the customers service.

use uuid::Uuid;

use super::{CustomerCreated, CustomerUpdated, Event, InvalidUuid, Published, Subject, Topics, unknown, uuid};
use crate::ids::UserId;

/// The statuses of a customer, as events name them.
pub const KYC_STATUSES: [&str; 4] = ["KYC_PENDING", "VERIFIED", "REJECTED", "ERASED"];

/// The reasons for a customer's status, as events name them.
pub const CUSTOMER_REASONS: [&str; 4] = ["", "KYC_REFUSED", "KYC_ROLLED_BACK", "KYC_REVOKED"];

/// The key is the customer's uuid, which is also the uuid of its user.
impl Subject for UserId {
    fn key(&self) -> Uuid {
        self.uuid()
    }
}

macro_rules! customer_events {
    ($($name:ident from $topic:ident part $part:ident),*) => {
        $(impl Published for $name {
            const TYPE: &'static str = concat!("events.v1.", stringify!($name));

            fn topic(topics: &Topics) -> &str {
                &topics.$topic
            }

            fn with_uuid(self, uuid: String) -> Self {
                Self { event_uuid: uuid, ..self }
            }

            fn part(&self) -> Option<String> {
                $part(self.version)
            }
        }

        impl Event for $name {
            type Subject = UserId;

            fn event_uuid(&self) -> &str {
                &self.event_uuid
            }

            fn subject(&self) -> Result<UserId, InvalidUuid> {
                Ok(UserId::new(uuid("customer_id", &self.customer_id)?))
            }

            fn unknown_value(&self) -> Option<String> {
                unknown("kyc_status", &KYC_STATUSES, &self.kyc_status)
                    .or_else(|| unknown("reason", &CUSTOMER_REASONS, &self.reason))
            }
        })*
    };
}

customer_events!(
    CustomerCreated from customer_created_topic_name part anew,
    CustomerUpdated from customer_updated_topic_name part version
);

/// Returns the part of the event id. A customer is created for the first time at version 1, and again at a later version after each
/// erasure.
fn anew(version: i64) -> Option<String> {
    (version > 1).then(|| version.to_string())
}

#[expect(clippy::unnecessary_wraps, reason = "the same form as `anew`")]
fn version(version: i64) -> Option<String> {
    Some(version.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::{read, record};

    #[test]
    fn each_version_of_a_customer_has_an_event_of_its_own() {
        let id = Uuid::from_u128(1);
        let updated = |version| record(id, CustomerUpdated { version, ..CustomerUpdated::default() });
        let created = |version| record(id, CustomerCreated { version, ..CustomerCreated::default() });

        assert_eq!(updated(2).uuid, Uuid::new_v5(&id, b"events.v1.CustomerUpdated/2"));
        assert_eq!(created(1).uuid, Uuid::new_v5(&id, b"events.v1.CustomerCreated"));
        assert_ne!(created(1).uuid, created(4).uuid);
    }

    #[test]
    fn an_event_names_its_customer_and_only_known_values() {
        let id = Uuid::from_u128(1);
        let event = |status: &str, reason: &str| {
            let (customer_id, kyc_status, reason) = (id.to_string(), status.to_owned(), reason.to_owned());
            let event = CustomerUpdated { customer_id, kyc_status, reason, version: 2, ..CustomerUpdated::default() };
            let payload = record(id, event).payload;
            read::<CustomerUpdated>(&platform::kafka::Message { payload, ..platform::kafka::Message::default() })
        };

        assert_eq!(event("VERIFIED", "").unwrap().subject, UserId::new(id));
        assert!(event("FAMOUS", "").is_err());
        assert!(event("REJECTED", "ann@example.com").is_err());
    }
}

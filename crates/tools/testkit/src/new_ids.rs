//! New ids of each type.

use contracts::{
    events::Cause,
    ids::{EventId, OrderId, PartId, TransactionId, UserId},
};
use platform::ids::random;

pub fn new_order() -> OrderId {
    OrderId::new(random())
}

pub fn new_user() -> UserId {
    UserId::new(random())
}

pub fn new_part() -> PartId {
    PartId::new(random())
}

pub fn new_transaction() -> TransactionId {
    TransactionId::new(random())
}

/// Returns a new event as the cause of a change.
pub fn new_cause() -> Cause {
    Cause { consumer: "group", event: EventId::new(random()) }
}

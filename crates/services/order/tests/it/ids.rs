//! Creates new ids of each type.

use contracts::{
    events::Cause,
    ids::{EventId, OrderId, PartId, TransactionId, UserId},
};
pub use platform::ids::{ordered, random};

pub fn order() -> OrderId {
    OrderId::new(ordered())
}

pub fn user() -> UserId {
    UserId::new(random())
}

pub fn part() -> PartId {
    PartId::new(random())
}

pub fn transaction() -> TransactionId {
    TransactionId::new(random())
}

pub fn cause() -> Cause {
    Cause { consumer: "group", event: EventId::new(random()) }
}

//! Creates new ids of each type.

use contracts::ids::OrderId;
pub use platform::ids::{ordered, random};
pub use testkit::{new_cause as cause, new_part as part, new_transaction as transaction, new_user as user};

/// Returns a time-ordered id, as the service makes them.
pub fn order() -> OrderId {
    OrderId::new(ordered())
}

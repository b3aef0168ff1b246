//! Statements that change the reservations of a group of orders at once. They handle the common cases: an order without a reservation
//! reserves, a held reservation is confirmed, a reservation that holds stock is committed. In every other case the caller executes a
//! separate statement for the order.
//!
//! All statements have the same lock order: parts by ascending UUID, then reservations by ascending UUID.

pub mod commit;
pub mod confirm;
pub mod reserve;

use contracts::ids::OrderId;
use uuid::Uuid;

use crate::repository::Cause;

/// A request to change an order's reservation, caused by a call or by an event.
#[derive(Clone, Copy)]
pub struct Request {
    pub order: OrderId,
    pub cause: Option<Cause>,
}

/// The fields of the requests as parallel arrays, for the parameters of a statement.
#[derive(Default)]
struct Columns {
    orders: Vec<Uuid>,
    consumers: Vec<Option<&'static str>>,
    events: Vec<Option<Uuid>>,
}

impl<'a> FromIterator<&'a Request> for Columns {
    fn from_iter<I: IntoIterator<Item = &'a Request>>(requests: I) -> Self {
        let mut columns = Self::default();
        for Request { order, cause } in requests {
            columns.orders.push(order.uuid());
            columns.consumers.push(cause.map(|cause| cause.consumer));
            columns.events.push(cause.map(|cause| cause.event.uuid()));
        }
        columns
    }
}

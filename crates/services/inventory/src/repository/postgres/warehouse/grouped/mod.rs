//! The common cases of many orders at once, one statement per group: an order without a reservation reserves, a held reservation is
//! confirmed, a reservation that holds stock is committed. Every other case is decided by the order's own statement.
//!
//! The lock order is that of all statements: parts by ascending uuid, then reservations by ascending uuid.

pub mod commit;
pub mod confirm;
pub mod reserve;

use contracts::ids::OrderId;
use uuid::Uuid;

use crate::repository::Cause;

/// A change of an order's reservation, by a call or by an event.
#[derive(Clone, Copy)]
pub struct Request {
    pub order: OrderId,
    pub cause: Option<Cause>,
}

/// Requests as the columns of a statement's array parameters.
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

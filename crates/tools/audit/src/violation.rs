//! A row that violates an invariant, the order that it concerns, and what may have caused it.

use std::fmt::Display;

use serde::Serialize;
use uuid::Uuid;

use crate::facts::{DeliveryState, OrderStatus, ReservationStatus};

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    pub row: String,
    pub problem: String,
    /// `None` if it concerns no single order, or an event whose order is not known.
    #[serde(skip)]
    pub order: Option<Uuid>,
    #[serde(skip)]
    pub cause: Cause,
    /// The problem without the time for which it has lasted, if it has one: a receipt changes with its order, not with
    /// the time.
    #[serde(skip)]
    pub timeless: Option<String>,
}

/// A possible cause of a violation: it may end by itself, or follow from a discarded dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A defect, or a change by hand.
    Unknown,
    /// The event did not reach its topic; with a group, it did not reach this consumer.
    Event {
        event: Uuid,
        group: Option<&'static str>,
    },
    /// The effects of events of this type differ from the events that their consumer has handled.
    Effects(&'static str),
    /// The cancelled order was charged once, and not refunded.
    NotRefunded,
    /// The reservation's status does not fit its order's.
    Reserved(OrderStatus, Option<ReservationStatus>),
    NotBuilt,
    PartsHeld,
    /// The delivery's state does not fit its order's status.
    Delivered(OrderStatus, Option<DeliveryState>),
    /// Order does not have the status of its delivery.
    DeliveryUnknown,
}

/// A row as violations name it.
pub struct Row {
    name: String,
    order: Option<Uuid>,
    cause: Cause,
    timeless: Option<String>,
}

impl Row {
    pub fn order(order: Uuid) -> Self {
        Self::about(order, format_args!("order {order}"))
    }

    pub fn of_order(what: impl Display, order: Uuid) -> Self {
        Self::about(order, format_args!("{what} of order {order}"))
    }

    /// A row with this name, and the order that it concerns, if any.
    pub fn about(order: impl Into<Option<Uuid>>, name: impl Display) -> Self {
        Self { order: order.into(), ..Self::from(name) }
    }

    pub fn because(self, cause: Cause) -> Self {
        Self { cause, ..self }
    }

    /// Sets [`Violation::timeless`].
    pub fn for_some_time(self, timeless: String) -> Self {
        Self { timeless: Some(timeless), ..self }
    }

    pub fn violation(self, problem: impl Into<String>) -> Violation {
        let Self { name: row, order, cause, timeless } = self;
        Violation { row, problem: problem.into(), order, cause, timeless }
    }
}

/// A row that concerns no order.
impl<T: Display> From<T> for Row {
    fn from(name: T) -> Self {
        Self { name: name.to_string(), order: None, cause: Cause::Unknown, timeless: None }
    }
}

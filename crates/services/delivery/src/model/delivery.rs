//! The delivery of an order: its states, and the transitions that return their events.

use chrono::NaiveDate;
use contracts::ids::{CourierId, DeliveryId, OrderId, UserId};

use super::{Event, Location, Status, TrackingNumber, Volume};

/// ```text
/// Pending ──assembled──▶ Created ──assign──▶ Assigned ──move──▶ Completed
///    └──cancelled──▶ Failed
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// The order is paid; its ship is being built.
    Pending,
    /// The order waits for a courier.
    Created,
    Assigned {
        courier: CourierId,
        /// The number of steps when the courier got the order.
        steps: u32,
    },
    Completed {
        courier: CourierId,
        steps: u32,
    },
    /// The order was cancelled before its ship was built.
    Failed,
}

impl State {
    /// The name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Created => "CREATED",
            Self::Assigned { .. } => "ASSIGNED",
            Self::Completed { .. } => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }

    pub const fn courier(self) -> Option<(CourierId, u32)> {
        match self {
            Self::Assigned { courier, steps } | Self::Completed { courier, steps } => Some((courier, steps)),
            Self::Pending | Self::Created | Self::Failed => None,
        }
    }
}

/// An event that arrived before the order's `order.paid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Early {
    Assembled,
    Cancelled,
}

/// The database's record of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    Nothing,
    Early(Early),
    Delivery(Box<Delivery>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The key. For a basket it is derived from the basket's id, so that a basket and an order never share a delivery.
    pub order: OrderId,
    /// The id that an outside program gave its basket; `None` for orders.
    pub basket: Option<OrderId>,
    /// `None` for baskets and trial orders.
    pub user: Option<UserId>,
    pub id: DeliveryId,
    pub tracking_number: TrackingNumber,
    /// `None` if the order was cancelled before its address was looked up.
    pub cargo: Option<Cargo>,
    pub estimated: NaiveDate,
    pub state: State,
    pub status: Status,
}

/// An order's destination and volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cargo {
    pub location: Location,
    pub volume: Volume,
}

/// A delivery to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    pub order: OrderId,
    pub basket: Option<OrderId>,
    pub user: Option<UserId>,
    pub id: DeliveryId,
    pub tracking_number: TrackingNumber,
    pub estimated: NaiveDate,
}

impl NewDelivery {
    /// Begins the delivery of a paid order whose ship is not built yet.
    pub fn paid(self, cargo: Cargo) -> (Delivery, Vec<Event>) {
        self.pending(Some(cargo))
    }

    /// Begins a delivery that waits for a courier at once: of a paid order whose ship is already built, of a basket, of
    /// a trial order, or at the request of a service.
    pub fn ready(self, cargo: Cargo) -> (Delivery, Vec<Event>) {
        let (mut delivery, mut events) = self.pending(Some(cargo));
        events.push(delivery.wait());
        (delivery, events)
    }

    /// Begins the delivery of a paid order that is already cancelled. No courier carries it, so it needs no location.
    pub fn cancelled(self) -> (Delivery, Vec<Event>) {
        let (mut delivery, mut events) = self.pending(None);
        events.extend(delivery.fail());
        (delivery, events)
    }

    fn pending(self, cargo: Option<Cargo>) -> (Delivery, Vec<Event>) {
        let Self { order, basket, user, id, tracking_number, estimated } = self;
        let (state, status) = (State::Pending, Status::Pending);
        let delivery = Delivery { order, basket, user, id, tracking_number, cargo, estimated, state, status };
        let events = delivery.status_event().into_iter().collect();
        (delivery, events)
    }
}

impl Delivery {
    /// The id under which callers and outside programs know the order or basket.
    pub fn public_id(&self) -> OrderId {
        self.basket.unwrap_or(self.order)
    }

    /// The ship is built, so the order waits for a courier. Returns `None` if the delivery is not pending.
    pub fn assembled(&mut self) -> Option<Vec<Event>> {
        (self.state == State::Pending).then(|| vec![self.wait()])
    }

    /// Fails the delivery of an order that is cancelled before its ship is built. Returns `None` if the delivery is not
    /// pending.
    pub fn cancelled(&mut self) -> Option<Vec<Event>> {
        (self.state == State::Pending).then(|| self.fail().into_iter().collect())
    }

    fn wait(&mut self) -> Event {
        self.state = State::Created;
        Event::Created { order: self.order, basket: self.basket }
    }

    fn fail(&mut self) -> Option<Event> {
        self.state = State::Failed;
        self.reach(Status::Failed)
    }

    /// Assigns a waiting order to a courier that needs `steps` steps to the destination and arrives on `arrival`.
    pub fn assign(&mut self, courier: CourierId, steps: u32, arrival: NaiveDate) -> Vec<Event> {
        self.state = State::Assigned { courier, steps };
        self.estimated = arrival;
        self.reach(Status::InTransit).into_iter().chain(self.near(steps)).collect()
    }

    /// Once the courier has at most one step left, sets OUT_FOR_DELIVERY and returns its event.
    pub(super) fn near(&mut self, steps_left: u32) -> Option<Event> {
        if steps_left <= 1 && self.status == Status::InTransit { self.reach(Status::OutForDelivery) } else { None }
    }

    pub(super) fn complete(&mut self, courier: CourierId, today: NaiveDate) -> Vec<Event> {
        let steps = self.state.courier().map_or(0, |(_, steps)| steps);
        self.state = State::Completed { courier, steps };
        self.estimated = today;
        let delivered = self.reach(Status::Delivered);
        delivered.into_iter().chain([Event::Completed { order: self.order, basket: self.basket, courier }]).collect()
    }

    fn reach(&mut self, status: Status) -> Option<Event> {
        self.status = status;
        self.status_event()
    }

    /// The event of the current status; `None` if the order has no user.
    fn status_event(&self) -> Option<Event> {
        let event = |user| Event::StatusUpdated {
            order: self.order,
            user,
            delivery: self.id,
            status: self.status,
            tracking_number: self.tracking_number.clone(),
            estimated: self.estimated,
        };
        self.user.map(event)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use uuid::Uuid;

    use super::*;

    pub fn new(order: u128, user: Option<u128>) -> NewDelivery {
        NewDelivery {
            order: OrderId::new(Uuid::from_u128(order)),
            basket: None,
            user: user.map(|user| UserId::new(Uuid::from_u128(user))),
            id: DeliveryId::new(Uuid::from_u128(2)),
            tracking_number: TrackingNumber::from_random(3),
            estimated: NaiveDate::default(),
        }
    }

    fn cargo() -> Cargo {
        Cargo { location: Location::numbered(0), volume: Volume::new(5).unwrap() }
    }

    fn statuses(events: &[Event]) -> Vec<Status> {
        let status = |event: &Event| match event {
            Event::StatusUpdated { status, .. } => Some(*status),
            _ => None,
        };
        events.iter().filter_map(status).collect()
    }

    #[test]
    fn early_events_end_the_same_as_late_ones() {
        let (mut late, mut events) = new(1, Some(7)).paid(cargo());
        events.extend(late.assembled().unwrap());
        assert_eq!(new(1, Some(7)).ready(cargo()), (late, events));

        let (mut late, mut events) = new(1, Some(7)).paid(cargo());
        events.extend(late.cancelled().unwrap());
        late.cargo = None;
        assert_eq!(new(1, Some(7)).cancelled(), (late, events));
    }

    #[test]
    fn each_status_is_told_once_and_in_order() {
        let courier = CourierId::new(Uuid::from_u128(4));
        for steps in [0, 1, 2, 5] {
            let (mut delivery, mut events) = new(1, Some(7)).ready(cargo());
            events.extend(delivery.assign(courier, steps, NaiveDate::default()));
            for left in (0..steps).rev() {
                events.extend(delivery.near(left));
            }
            events.extend(delivery.complete(courier, NaiveDate::default()));

            let all = [Status::Pending, Status::InTransit, Status::OutForDelivery, Status::Delivered];
            assert_eq!(statuses(&events), all, "{steps} steps");
        }
    }
}

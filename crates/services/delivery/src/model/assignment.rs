//! Decides which courier gets which order. The statement that writes the decision chooses the storage place; see
//! [`Courier::place_for`](super::Courier::place_for).

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use contracts::ids::{CourierId, OrderId};

use super::{Cargo, Delivery, Event, Location, Speed, Volume};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub delivery: Delivery,
    pub cargo: Cargo,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreeCourier {
    pub id: CourierId,
    pub speed: Speed,
    pub location: Location,
    /// The largest volume that fits one of its storage places.
    pub room: Volume,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    pub courier: CourierId,
    /// The courier's cell at the time of the decision.
    pub from: Location,
    /// The delivery after the assignment.
    pub delivery: Delivery,
    pub events: Vec<Event>,
}

/// The number of couriers with which a round tries an order that the database refuses to assign, and of orders with
/// which it tries a courier.
const MAX_REFUSALS: usize = 3;
/// How long a refused assignment is not tried again, so that the next rounds try others.
const REMEMBERED_FOR: TimeDelta = TimeDelta::minutes(1);
/// The number of refused assignments above which a round forgets those of the rounds before it.
const MAX_REMEMBERED: usize = 10_000;

/// The assignments that the database has refused. The reason may be the row of the order or that of the courier.
#[derive(Clone, Debug, Default)]
pub struct Refusals {
    /// The time at which the round began.
    now: DateTime<Utc>,
    /// The refused assignments, also of earlier rounds, with the times of their rounds.
    refused: BTreeMap<(OrderId, CourierId), DateTime<Utc>>,
    /// The numbers of refusals in this round.
    of_order: BTreeMap<OrderId, usize>,
    of_courier: BTreeMap<CourierId, usize>,
}

impl Refusals {
    /// Must be called at the beginning of a round.
    pub fn begin_round(&mut self, now: DateTime<Utc>) {
        self.now = now;
        self.of_order.clear();
        self.of_courier.clear();
        // A clock that is set back forgets nothing too late.
        self.refused.retain(|_, at| (now - *at).abs() < REMEMBERED_FOR);
        if self.refused.len() > MAX_REMEMBERED {
            self.refused.clear();
        }
    }

    pub fn add(&mut self, order: OrderId, courier: CourierId) {
        self.refused.insert((order, courier), self.now);
        *self.of_order.entry(order).or_default() += 1;
        *self.of_courier.entry(courier).or_default() += 1;
    }

    /// Returns true if the round may try to assign the order to the courier.
    fn admit(&self, order: OrderId, courier: CourierId) -> bool {
        let may_be_tried = |count: Option<&usize>| count.is_none_or(|count| *count < MAX_REFUSALS);
        may_be_tried(self.of_order.get(&order))
            && may_be_tried(self.of_courier.get(&courier))
            && !self.refused.contains_key(&(order, courier))
    }
}

/// Assigns the waiting orders to free couriers, in the order of `waiting`. Of the couriers that have room for an order,
/// the one with the fewest steps gets it; of several such couriers, the one with the lowest uuid. An order that no
/// courier can take delays no other order. No assignment is made that `refusals` does not admit.
///
/// A courier makes one step per `tick`, from which the day of arrival is estimated.
pub fn assign(
    waiting: Vec<Waiting>,
    mut free: Vec<FreeCourier>,
    refusals: &Refusals,
    now: DateTime<Utc>,
    tick: TimeDelta,
) -> Vec<Assignment> {
    let mut assignments = Vec::new();
    for Waiting { mut delivery, cargo } in waiting {
        let order = delivery.order;
        let able = free
            .iter()
            .enumerate()
            .filter(|(_, courier)| cargo.volume <= courier.room && refusals.admit(order, courier.id));
        let steps =
            able.map(|(index, courier)| (courier.speed.steps(courier.location, cargo.location), courier.id, index));
        let Some((steps, courier, index)) = steps.min() else { continue };
        let from = free.swap_remove(index).location;
        // Beyond the calendar's range, the estimate is the calendar's last day.
        let way = tick.checked_mul(i32::try_from(steps.max(1)).unwrap_or(i32::MAX)).unwrap_or(TimeDelta::MAX);
        let arrival = now.checked_add_signed(way).unwrap_or(DateTime::<Utc>::MAX_UTC).date_naive();
        let events = delivery.assign(courier, steps, arrival);
        assignments.push(Assignment { courier, from, delivery, events });
    }
    assignments
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use contracts::ids::DeliveryId;
    use uuid::Uuid;

    use super::*;
    use crate::model::{NewDelivery, TrackingNumber};

    /// The first couriers: on foot, by bicycle, by car.
    fn couriers() -> Vec<FreeCourier> {
        let courier = |id: u128, speed: i64, room: i64| {
            let at = i64::try_from(id).unwrap();
            FreeCourier {
                id: CourierId::new(Uuid::from_u128(id)),
                speed: Speed::new(speed).unwrap(),
                location: Location::new(at, at).unwrap(),
                room: Volume::new(room).unwrap(),
            }
        };
        vec![courier(1, 1, 10), courier(2, 2, 30), courier(3, 3, 100)]
    }

    fn waiting(order: u128, x: i64, y: i64, volume: i64) -> Waiting {
        let cargo = Cargo { location: Location::new(x, y).unwrap(), volume: Volume::new(volume).unwrap() };
        let new = NewDelivery {
            basket: None,
            order: OrderId::new(Uuid::from_u128(order)),
            user: None,
            id: DeliveryId::new(Uuid::from_u128(order)),
            tracking_number: TrackingNumber::from_random(order),
            estimated: NaiveDate::default(),
        };
        Waiting { delivery: new.ready(cargo).0, cargo }
    }

    /// The pairs of order and courier that [`assign`] makes.
    fn assigned(waiting: Vec<Waiting>) -> Vec<(u128, u128)> {
        assigned_after(&Refusals::default(), waiting)
    }

    fn assigned_after(refusals: &Refusals, waiting: Vec<Waiting>) -> Vec<(u128, u128)> {
        let assigned = assign(waiting, couriers(), refusals, DateTime::UNIX_EPOCH, TimeDelta::seconds(1));
        assigned.iter().map(|one| (one.delivery.order.uuid().as_u128(), one.courier.uuid().as_u128())).collect()
    }

    #[test]
    fn the_vectors_of_the_contract() {
        for (volume, courier) in [(5, Some(1)), (20, Some(2)), (60, Some(3)), (101, None)] {
            let expected: Vec<_> = courier.map(|courier| (9, courier)).into_iter().collect();
            assert_eq!(assigned(vec![waiting(9, 1, 1, volume)]), expected, "volume {volume}");
        }
    }

    #[test]
    fn of_couriers_with_as_many_steps_the_lowest_uuid_gets_the_order() {
        // Each of the three couriers needs one step.
        assert_eq!(assigned(vec![waiting(9, 2, 1, 5)]), [(9, 1)]);
    }

    #[test]
    fn an_order_that_fits_no_courier_holds_up_none() {
        let orders = vec![waiting(6, 1, 1, 101), waiting(7, 1, 1, 60), waiting(8, 1, 1, 60), waiting(9, 1, 1, 5)];

        assert_eq!(assigned(orders), [(7, 3), (9, 1)]);
    }

    fn refused(pairs: &[(u128, u128)]) -> Refusals {
        let mut refusals = Refusals::default();
        for (order, courier) in pairs {
            refusals.add(OrderId::new(Uuid::from_u128(*order)), CourierId::new(Uuid::from_u128(*courier)));
        }
        refusals
    }

    #[test]
    fn an_order_that_a_courier_is_refused_goes_to_another_and_the_courier_gets_another_order() {
        let orders = || vec![waiting(7, 1, 1, 5), waiting(8, 1, 1, 5)];

        assert_eq!(assigned_after(&refused(&[(7, 1)]), orders()), [(7, 2), (8, 1)]);
        assert_eq!(assigned_after(&refused(&[(7, 1), (7, 2), (7, 3)]), orders()), [(8, 1)]);
        assert_eq!(assigned_after(&refused(&[(4, 1), (5, 1), (6, 1)]), orders()), [(7, 2), (8, 3)]);
    }

    #[test]
    fn the_next_round_tries_what_the_last_one_has_not_and_a_minute_later_all() {
        let mut refusals = refused(&[(4, 1), (5, 1), (6, 1), (7, 2)]);
        let orders = || vec![waiting(7, 1, 1, 5), waiting(8, 1, 1, 5)];
        assert_eq!(assigned_after(&refusals, orders()), [(7, 3), (8, 2)]);

        refusals.begin_round(DateTime::UNIX_EPOCH + TimeDelta::seconds(1));
        assert_eq!(assigned_after(&refusals, orders()), [(7, 1), (8, 2)]);
        assert_eq!(assigned_after(&refusals, vec![waiting(4, 1, 1, 5)]), [(4, 2)]);

        refusals.begin_round(DateTime::UNIX_EPOCH + REMEMBERED_FOR);
        assert_eq!(assigned_after(&refusals, vec![waiting(4, 1, 1, 5)]), [(4, 1)]);
    }

    #[test]
    fn the_day_of_arrival_follows_from_the_steps() {
        let a_day = TimeDelta::days(1);

        let none = Refusals::default();
        let assigned = assign(vec![waiting(9, 10, 10, 60)], couriers(), &none, DateTime::UNIX_EPOCH, a_day);

        // The courier goes 14 cells at speed 3, so it needs five steps.
        assert_eq!(assigned[0].delivery.estimated, NaiveDate::from_ymd_opt(1970, 1, 6).unwrap());
        let forever = assign(vec![waiting(9, 10, 10, 60)], couriers(), &none, DateTime::UNIX_EPOCH, TimeDelta::MAX);
        assert_eq!(forever[0].delivery.estimated, DateTime::<Utc>::MAX_UTC.date_naive());
    }
}

//! Decides which courier gets which order. The statement that writes the decision chooses the storage place; see
//! [`Courier::place_for`](super::Courier::place_for).

use chrono::{DateTime, TimeDelta, Utc};
use contracts::ids::CourierId;

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
    /// True if the database has refused to give it an order since its last one. The reason may be the row of the
    /// courier.
    pub was_refused: bool,
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

/// Assigns the waiting orders to free couriers, in the order of `waiting`. Of the couriers that have room for an order,
/// the one with the fewest steps gets it; of several such couriers, the one with the lowest uuid. One that was refused
/// an order comes after all others. An order that no courier can take delays no other order.
///
/// A courier makes one step per `tick`, from which the day of arrival is estimated.
pub fn assign(
    waiting: Vec<Waiting>,
    mut free: Vec<FreeCourier>,
    now: DateTime<Utc>,
    tick: TimeDelta,
) -> Vec<Assignment> {
    let mut assignments = Vec::new();
    for Waiting { mut delivery, cargo } in waiting {
        let able = free.iter().enumerate().filter(|(_, courier)| cargo.volume <= courier.room);
        let steps = able.map(|(index, courier)| {
            (courier.was_refused, courier.speed.steps(courier.location, cargo.location), courier.id, index)
        });
        let Some((_, steps, courier, index)) = steps.min() else { continue };
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
    use uuid::Uuid;

    use super::*;
    use crate::model::delivery::tests::new;

    /// The first couriers: on foot, by bicycle, by car.
    fn couriers() -> Vec<FreeCourier> {
        let courier = |id: u128, speed: i64, room: i64| {
            let at = i64::try_from(id).unwrap();
            FreeCourier {
                id: CourierId::new(Uuid::from_u128(id)),
                speed: Speed::new(speed).unwrap(),
                location: Location::new(at, at).unwrap(),
                room: Volume::new(room).unwrap(),
                was_refused: false,
            }
        };
        vec![courier(1, 1, 10), courier(2, 2, 30), courier(3, 3, 100)]
    }

    fn waiting(order: u128, x: i64, y: i64, volume: i64) -> Waiting {
        let cargo = Cargo { location: Location::new(x, y).unwrap(), volume: Volume::new(volume).unwrap() };
        Waiting { delivery: new(order, None).ready(cargo).0, cargo }
    }

    /// The pairs of order and courier that [`assign`] makes.
    fn assigned(waiting: Vec<Waiting>) -> Vec<(u128, u128)> {
        assigned_to(couriers(), waiting)
    }

    fn assigned_to(couriers: Vec<FreeCourier>, waiting: Vec<Waiting>) -> Vec<(u128, u128)> {
        let assigned = assign(waiting, couriers, DateTime::UNIX_EPOCH, TimeDelta::seconds(1));
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

    #[test]
    fn a_courier_that_was_refused_an_order_gets_one_that_no_other_can_take() {
        let mut couriers = couriers();
        couriers[0].was_refused = true;

        assert_eq!(assigned_to(couriers.clone(), vec![waiting(7, 1, 1, 5)]), [(7, 2)]);
        couriers.truncate(1);
        assert_eq!(assigned_to(couriers, vec![waiting(7, 1, 1, 5)]), [(7, 1)]);
    }

    #[test]
    fn the_day_of_arrival_follows_from_the_steps() {
        let a_day = TimeDelta::days(1);

        let assigned = assign(vec![waiting(9, 10, 10, 60)], couriers(), DateTime::UNIX_EPOCH, a_day);

        // The courier goes 14 cells at speed 3, so it needs five steps.
        assert_eq!(assigned[0].delivery.estimated, NaiveDate::from_ymd_opt(1970, 1, 6).unwrap());
        let forever = assign(vec![waiting(9, 10, 10, 60)], couriers(), DateTime::UNIX_EPOCH, TimeDelta::MAX);
        assert_eq!(forever[0].delivery.estimated, DateTime::<Utc>::MAX_UTC.date_naive());
    }
}

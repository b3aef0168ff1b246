//! A courier on its way with an order; it makes one step per tick of the clock.

use chrono::NaiveDate;
use contracts::ids::CourierId;

use super::{Delivery, Event, Location, Name, Speed};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trip {
    pub courier: CourierId,
    pub name: Name,
    pub speed: Speed,
    /// The courier's cell.
    pub location: Location,
    /// The order's destination.
    pub target: Location,
    pub delivery: Delivery,
}

/// A courier's step in one tick, and its effects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub courier: CourierId,
    pub from: Location,
    pub to: Location,
    /// The delivery after the step; its state is [`State::Completed`](super::State::Completed) if the courier arrived.
    pub delivery: Delivery,
    pub events: Vec<Event>,
}

impl Trip {
    pub fn steps_left(&self) -> u32 {
        self.speed.steps(self.location, self.target)
    }

    /// The progress in per cent: 20 when the courier gets the order, 90 when at most one step is left.
    pub fn progress(&self) -> i32 {
        let left = self.steps_left();
        let steps = self.delivery.state.courier().map_or(0, |(_, steps)| steps);
        if left <= 1 || steps == 0 {
            return 90;
        }
        20 + i32::try_from(70 * steps.saturating_sub(left) / steps).unwrap_or_default()
    }

    /// Returns the courier's next step. A step that ends at the destination completes the delivery.
    pub fn step(mut self, today: NaiveDate) -> Step {
        let to = self.location.towards(self.target, self.speed.get());
        let mut events: Vec<Event> = self.delivery.near(self.speed.steps(to, self.target)).into_iter().collect();
        if to == self.target {
            events.extend(self.delivery.complete(self.courier, today));
        }
        Step { courier: self.courier, from: self.location, to, delivery: self.delivery, events }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::model::{Cargo, State, Status, Volume, delivery::tests::new};

    fn trip(from: Location, target: Location, speed: i64) -> Trip {
        let courier = CourierId::new(Uuid::from_u128(4));
        let speed = Speed::new(speed).unwrap();
        let (mut delivery, _) = new(1, None).ready(Cargo { location: target, volume: Volume::new(5).unwrap() });
        delivery.assign(courier, speed.steps(from, target), NaiveDate::default());
        Trip { courier, name: Name::new("Вело").unwrap(), speed, location: from, target, delivery }
    }

    /// The cells that the courier reaches until it arrives, and its progress before each step.
    fn way(mut trip: Trip) -> (Vec<Location>, Vec<i32>) {
        let (mut cells, mut progress) = (Vec::new(), Vec::new());
        while matches!(trip.delivery.state, State::Assigned { .. }) {
            progress.push(trip.progress());
            let step = trip.clone().step(NaiveDate::default());
            cells.push(step.to);
            (trip.location, trip.delivery) = (step.to, step.delivery);
        }
        assert_eq!(trip.delivery.status, Status::Delivered);
        (cells, progress)
    }

    fn at(x: i64, y: i64) -> Location {
        Location::new(x, y).unwrap()
    }

    #[test]
    fn the_way_of_the_contracts_example() {
        let (cells, progress) = way(trip(at(2, 2), at(5, 3), 2));

        assert_eq!(cells, [at(4, 2), at(5, 3)]);
        assert_eq!(progress, [20, 90]);
    }

    #[test]
    fn progress_grows_with_the_steps_that_are_done() {
        let (_, progress) = way(trip(at(1, 1), at(8, 1), 1));

        assert_eq!(progress, [20, 30, 40, 50, 60, 70, 90]);
    }

    proptest! {
        #[test]
        fn the_ticks_are_the_distance_by_the_speed_rounded_up_and_one_on_the_spot(
            from in 0_u8..100, to in 0_u8..100, speed in 1_i64..=20
        ) {
            let (from, to) = (Location::numbered(from), Location::numbered(to));

            let (cells, _) = way(trip(from, to, speed));

            let (distance, ticks) = (i64::from(from.distance(to)), i64::try_from(cells.len()).unwrap());
            // The courier makes exactly as many steps as the distance needs.
            prop_assert!(ticks * speed >= distance && (ticks == 1 || (ticks - 1) * speed < distance));
            prop_assert_eq!(cells.last(), Some(&to));
        }
    }
}

//! A courier with its location, speed and storage places. `trip` moves it.

use contracts::ids::{CourierId, OrderId, PlaceId};

use super::{Location, Name, Volume};

/// The volume of every new courier's storage place.
pub const FIRST_PLACE_VOLUME: Volume = Volume::constant(10);

/// The name of every new courier's storage place.
pub fn first_place() -> Name {
    Name::constant("Сумка")
}

/// The speed of a courier in cells per step, 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Speed(u8);

impl Speed {
    pub fn new(speed: i64) -> Option<Self> {
        u8::try_from(speed).ok().filter(|speed| (1..=100).contains(speed)).map(Self)
    }

    pub const fn get(self) -> u32 {
        self.0 as u32
    }

    pub fn steps(self, from: Location, to: Location) -> u32 {
        from.distance(to).div_ceil(self.get())
    }
}

/// A bag or trunk in which a courier carries one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoragePlace {
    pub id: PlaceId,
    pub name: Name,
    pub total_volume: Volume,
    pub order: Option<OrderId>,
}

impl StoragePlace {
    pub fn can_store(&self, volume: Volume) -> bool {
        self.order.is_none() && volume <= self.total_volume
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Courier {
    pub id: CourierId,
    pub name: Name,
    pub speed: Speed,
    pub location: Location,
    /// In the order in which they were added.
    pub places: Vec<StoragePlace>,
}

/// A courier to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCourier {
    pub id: CourierId,
    pub name: Name,
    pub speed: Speed,
    pub location: Location,
    pub places: Vec<(PlaceId, Name, Volume)>,
}

impl Courier {
    /// A courier carries one order at a time, so it is free if all its storage places are empty.
    pub fn is_free(&self) -> bool {
        self.places.iter().all(|place| place.order.is_none())
    }

    /// Returns the first storage place that can store an order of this volume, if the courier is free.
    pub fn place_for(&self, volume: Volume) -> Option<PlaceId> {
        let place = self.places.iter().find(|place| place.can_store(volume));
        place.filter(|_| self.is_free()).map(|place| place.id)
    }

    /// Returns the largest volume that the courier can take; `None` if it carries an order.
    pub fn room(&self) -> Option<Volume> {
        self.places.iter().filter(|_| self.is_free()).map(|place| place.total_volume).max()
    }
}

#[cfg(test)]
mod tests {
    use contracts::ids::OrderId;
    use uuid::Uuid;

    use super::*;

    fn courier(volumes: &[i64]) -> Courier {
        let place = |(number, volume): (usize, &i64)| StoragePlace {
            id: PlaceId::new(Uuid::from_u128(number as u128)),
            name: Name::new("place").unwrap(),
            total_volume: Volume::new(*volume).unwrap(),
            order: None,
        };
        Courier {
            id: CourierId::new(Uuid::from_u128(1)),
            name: Name::new("Вело").unwrap(),
            speed: Speed::new(2).unwrap(),
            location: Location::numbered(0),
            places: volumes.iter().enumerate().map(place).collect(),
        }
    }

    fn volume(volume: i64) -> Volume {
        Volume::new(volume).unwrap()
    }

    #[test]
    fn an_order_goes_into_the_first_place_that_can_store_it() {
        let courier = courier(&[10, 30, 30]);

        assert_eq!(courier.place_for(volume(10)), Some(courier.places[0].id));
        assert_eq!(courier.place_for(volume(11)), Some(courier.places[1].id));
        assert_eq!(courier.place_for(volume(31)), None);
        assert_eq!(courier.room(), Some(volume(30)));
    }

    #[test]
    fn a_courier_carries_one_order_at_a_time() {
        let mut courier = courier(&[10, 30]);
        courier.places[0].order = Some(OrderId::new(Uuid::from_u128(9)));

        assert!(!courier.is_free());
        assert_eq!(courier.place_for(volume(5)), None);
        assert_eq!(courier.room(), None);
    }
}

//! An order's reservation of stock. The in-memory repository decides with [`Status::changes_to`] and [`Stock::follow`];
//! the statements in `repository/postgres/warehouse/` decide the same about rows that they lock.

use std::{collections::BTreeMap, time::Duration};

use contracts::{
    ids::{PartId, UserId},
    money::Money,
};
use uuid::Uuid;

use super::Stock;

/// ```text
///                         ◀───reserve───
/// (none) ──reserve──▶ Held ───confirm──▶ Confirmed ──commit──▶ Committed
///    │                │ ▲                   │
///    │           expire reserve             │
///    │                ▼ │                   │
///    │              Expired ──confirm──▶    │
///    └──release──▶ Released ◀──release──────┘ (Held and Expired too)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Stock is reserved for an order that is not paid, until the reservation expires.
    Held,
    /// Stock is reserved for an order that is paid or being paid, until the order ends.
    Confirmed,
    /// The units are available again; the order cannot reserve again.
    Released,
    /// The units are built into the order's ship.
    Committed,
    /// The units are available again because the order did not exist when the reservation was due; the order can
    /// reserve again.
    Expired,
}

/// The reservation was released or committed, which contradicts the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended;

impl Status {
    pub const fn holds_stock(self) -> bool {
        matches!(self, Self::Held | Self::Confirmed)
    }

    /// Returns true if a request for the status `to` changes a reservation with this status. A committed reservation
    /// satisfies a request to reserve without a change.
    pub const fn changes_to(self, to: Self) -> Result<bool, Ended> {
        match (self, to) {
            (Self::Released, Self::Released) | (Self::Committed, Self::Held | Self::Confirmed | Self::Committed) => {
                Ok(false)
            }
            (Self::Released | Self::Committed, _) => Err(Ended),
            (Self::Held | Self::Confirmed | Self::Expired, _) => Ok(true),
        }
    }

    const fn place(self) -> Place {
        match self {
            Self::Held | Self::Confirmed => Place::Reserved,
            Self::Committed => Place::Consumed,
            Self::Released | Self::Expired => Place::Available,
        }
    }
}

/// Where the units of a reservation are counted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Available,
    Reserved,
    Consumed,
}

impl Stock {
    /// Moves the units of an order whose reservation changes its status. `from` is `None` if the order had no
    /// reservation. Returns false if the units stay where they are.
    pub fn follow(&mut self, units: i64, from: Option<Status>, to: Status) -> bool {
        let (from, to) = (from.map_or(Place::Available, Status::place), to.place());
        *self.at(from) -= units;
        *self.at(to) += units;
        from != to
    }

    fn at(&mut self, place: Place) -> &mut i64 {
        match place {
            Place::Available => &mut self.available,
            Place::Reserved => &mut self.reserved,
            Place::Consumed => &mut self.consumed,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// The reservation is held, and due after this time unless it is confirmed before.
    After(Duration),
    /// The reservation is confirmed, so it never expires.
    Never,
}

impl Expiry {
    /// The time as a number for an SQL statement; `None` for a reservation that never expires.
    pub fn seconds(self) -> Option<f64> {
        match self {
            Self::After(time) => Some(time.as_secs_f64()),
            Self::Never => None,
        }
    }
}

/// The share of a part's units that one user may hold without payment: of those that are available or reserved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaxShare(f64);

impl MaxShare {
    /// Users may hold any number of units.
    pub const OFF: Self = Self(0.0);
    /// A user may hold this number of units of a part, however few there are.
    pub const MIN_UNITS: i64 = 5;

    /// Returns `None` if `share` is not from 0 to 1. 0 turns the bound off.
    pub fn new(share: f64) -> Option<Self> {
        (0.0..=1.0).contains(&share).then_some(Self(share))
    }

    /// The share as a number for an SQL statement; `None` if the bound is off.
    pub fn bound(self) -> Option<f64> {
        (self.0 > 0.0).then_some(self.0)
    }

    /// Returns true if a user may hold `units` of a part with `unsold` units that are available or reserved.
    #[expect(clippy::cast_precision_loss, reason = "a stock has far fewer than 2^52 units")]
    pub fn allows(self, units: i64, unsold: i64) -> bool {
        self.bound().is_none_or(|share| units <= Self::MIN_UNITS || units as f64 <= share * unsold as f64)
    }
}

/// The user for whom parts are reserved.
#[derive(Clone, Copy, Debug)]
pub struct Holder {
    pub user: UserId,
    pub max_share: MaxShare,
}

/// The quantity of each part, ordered by the part's UUID. Statements lock stock in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines(BTreeMap<PartId, i64>);

impl Lines {
    pub fn add(&mut self, part: PartId, quantity: i64) {
        let total = self.0.entry(part).or_default();
        *total = total.saturating_add(quantity);
    }

    pub fn iter(&self) -> impl Iterator<Item = (PartId, i64)> {
        self.0.iter().map(|(part, quantity)| (*part, *quantity))
    }

    /// Returns the part, if there is only one.
    pub fn only(&self) -> Option<PartId> {
        self.0.keys().copied().next().filter(|_| self.0.len() == 1)
    }

    /// Returns parts and quantities as parallel arrays for an SQL statement.
    pub fn columns(&self) -> (Vec<Uuid>, Vec<i64>) {
        self.iter().map(|(part, quantity)| (part.uuid(), quantity)).unzip()
    }
}

impl FromIterator<(PartId, i64)> for Lines {
    fn from_iter<I: IntoIterator<Item = (PartId, i64)>>(lines: I) -> Self {
        let mut all = Self::default();
        for (part, quantity) in lines {
            all.add(part, quantity);
        }
        all
    }
}

/// A part reserved for an order. The unit price is the price at the order's first reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReservedLine {
    pub part: PartId,
    pub quantity: i64,
    pub unit_price: Money,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_holds_a_share_of_a_part_or_five_units_of_it() {
        let allows = |share, units, unsold| MaxShare::new(share).unwrap().allows(units, unsold);

        assert!(allows(0.25, 10, 40) && !allows(0.25, 11, 40));
        assert!(allows(0.25, 5, 1) && !allows(0.25, 6, 1));
        assert!(allows(0.0, 1_000, 1));
        assert!([-0.1, 1.1, f64::NAN].into_iter().all(|share| MaxShare::new(share).is_none()));
    }

    #[test]
    fn a_reservation_that_has_ended_does_not_change() {
        use Status::{Committed, Confirmed, Expired, Held, Released};

        for to in [Held, Confirmed, Released, Committed] {
            assert_eq!(Released.changes_to(to), if to == Released { Ok(false) } else { Err(Ended) });
            assert_eq!(Committed.changes_to(to), if to == Released { Err(Ended) } else { Ok(false) });
            assert!([Held, Confirmed, Expired].iter().all(|from| from.changes_to(to) == Ok(true)));
        }
    }

    #[test]
    fn units_are_counted_by_the_status_of_their_reservation() {
        let mut stock = Stock { initial: 5, available: 5, ..Stock::default() };
        let counts = |stock: Stock| (stock.available, stock.reserved, stock.consumed);

        assert!(stock.follow(2, None, Status::Held) && !stock.follow(2, Some(Status::Held), Status::Confirmed));
        assert_eq!(counts(stock), (3, 2, 0));
        assert!(stock.follow(2, Some(Status::Held), Status::Expired));
        assert!(!stock.follow(2, Some(Status::Expired), Status::Released));
        assert_eq!(counts(stock), (5, 0, 0));
        assert!(stock.follow(2, Some(Status::Expired), Status::Committed) && stock.adds_up());
        assert_eq!(counts(stock), (3, 0, 2));
    }

    #[test]
    fn quantities_of_a_repeated_part_add_up() {
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));

        let lines = Lines::from_iter([(b, 1), (a, 2), (b, 3)].map(|(part, quantity)| (PartId::new(part), quantity)));

        assert_eq!(lines.columns(), (vec![a, b], vec![2, 4]));
    }
}

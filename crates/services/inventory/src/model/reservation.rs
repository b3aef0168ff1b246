//! An order's reservation of stock. The repositories implement its transitions: `repository/postgres/warehouse/` and
//! `repository/memory/warehouse.rs`.

use std::collections::BTreeMap;

use contracts::{ids::PartId, money::Money};
use uuid::Uuid;

/// ```text
/// (none) ──reserve──▶ Held ──confirm──▶ Confirmed ──commit──▶ Committed
///    │                │ ▲                   │
///    │           expire reserve             │
///    │                ▼ │                   │
///    │              Expired ──confirm──▶    │
///    └──release──▶ Released ◀──release──────┘ (Held and Expired too)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Stock is reserved until the reservation expires.
    Held,
    /// Stock is reserved until the order ends.
    Confirmed,
    /// The units are available again; the order cannot reserve again.
    Released,
    /// The units are built into the order's ship.
    Committed,
    /// The units are available again because the order did not exist when the reservation was due; the order can reserve again.
    Expired,
}

impl Status {
    pub const fn holds_stock(self) -> bool {
        matches!(self, Self::Held | Self::Confirmed)
    }
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
    fn quantities_of_a_repeated_part_add_up() {
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));

        let lines = Lines::from_iter([(b, 1), (a, 2), (b, 3)].map(|(part, quantity)| (PartId::new(part), quantity)));

        assert_eq!(lines.columns(), (vec![a, b], vec![2, 4]));
    }
}

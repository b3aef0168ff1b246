//! What an order holds of the stock.

use std::collections::BTreeMap;

use contracts::money::Money;
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
    /// The parts are set aside until a time.
    Held,
    /// The parts are set aside until the order says otherwise.
    Confirmed,
    /// The parts are given back, for good.
    Released,
    /// The parts are built in.
    Committed,
    /// The parts are given back because nobody confirmed in time; they can be set aside again.
    Expired,
}

impl Status {
    /// True while the parts are set aside.
    pub const fn holds_stock(self) -> bool {
        matches!(self, Self::Held | Self::Confirmed)
    }
}

/// Parts with quantities, each part once, ordered by uuid: the order in which stock is locked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines(BTreeMap<Uuid, i64>);

impl Lines {
    /// Adds to what there is of the part already.
    pub fn add(&mut self, part: Uuid, quantity: i64) {
        let total = self.0.entry(part).or_default();
        *total = total.saturating_add(quantity);
    }

    pub fn iter(&self) -> impl Iterator<Item = (Uuid, i64)> {
        self.0.iter().map(|(part, quantity)| (*part, *quantity))
    }

    /// The parts, and in the same order their quantities.
    pub fn columns(&self) -> (Vec<Uuid>, Vec<i64>) {
        self.iter().unzip()
    }
}

impl FromIterator<(Uuid, i64)> for Lines {
    fn from_iter<I: IntoIterator<Item = (Uuid, i64)>>(lines: I) -> Self {
        let mut all = Self::default();
        for (part, quantity) in lines {
            all.add(part, quantity);
        }
        all
    }
}

/// A part that is set aside for an order, at the price of the moment when it first was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserved {
    pub part: Uuid,
    pub quantity: i64,
    pub unit_price: Money,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_is_named_twice_counts_twice() {
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));

        let lines = Lines::from_iter([(b, 1), (a, 2), (b, 3)]);

        assert_eq!(lines.columns(), (vec![a, b], vec![2, 4]));
    }
}

//! The mix of traffic: kinds of operations with weights.

use std::{fmt, str::FromStr};

use anyhow::{Context as _, ensure};
use rand::{Rng, RngExt as _};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Create,
    /// Pays an unpaid order.
    Pay,
    /// Cancels an unpaid order.
    Cancel,
    Get,
    /// Lists the user's latest orders.
    List,
    Whoami,
    Parts,
    /// Creates an order, pays it, and waits until its ship is assembled.
    Whole,
}

/// Kinds with weights, such as `create=4,pay=3,get=10`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mix([u32; Kind::ALL.len()]);

const MAX_WEIGHT: u32 = 1_000_000;

impl Kind {
    pub const ALL: [Self; 8] =
        [Self::Create, Self::Pay, Self::Cancel, Self::Get, Self::List, Self::Whoami, Self::Parts, Self::Whole];

    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Pay => "pay",
            Self::Cancel => "cancel",
            Self::Get => "get",
            Self::List => "list",
            Self::Whoami => "whoami",
            Self::Parts => "parts",
            Self::Whole => "whole",
        }
    }

    /// Returns true for an operation of one request.
    pub fn is_single(self) -> bool {
        self != Self::Whole
    }

    /// Returns true if the operation needs orders, made before or by it.
    pub(crate) fn needs_orders(self) -> bool {
        !matches!(self, Self::List | Self::Whoami | Self::Parts)
    }
}

impl Mix {
    /// Creates a mix of this kind alone.
    pub fn only(kind: Kind) -> Self {
        let mut weights = [0; Kind::ALL.len()];
        weights[kind as usize] = 1;
        Self(weights)
    }

    /// Returns this kind's share of all operations, from 0 to 1.
    pub fn share(&self, kind: Kind) -> f64 {
        f64::from(self.0[kind as usize]) / f64::from(self.total().max(1))
    }

    pub fn has(&self, kind: Kind) -> bool {
        self.0[kind as usize] > 0
    }

    /// Returns a random kind, distributed by the weights.
    pub fn choose(&self, rng: &mut impl Rng) -> Kind {
        let mut left = rng.random_range(0..self.total().max(1));
        for kind in Kind::ALL {
            let weight = self.0[kind as usize];
            if left < weight {
                return kind;
            }
            left -= weight;
        }
        Kind::Get
    }

    fn total(&self) -> u32 {
        self.0.iter().sum()
    }
}

impl Default for Mix {
    /// The default mix pays or cancels as many orders as it creates.
    fn default() -> Self {
        Self([4, 3, 1, 10, 4, 5, 2, 1])
    }
}

impl FromStr for Mix {
    type Err = anyhow::Error;

    /// Parses `KIND=WEIGHT,…`. An error says what is wrong.
    fn from_str(text: &str) -> anyhow::Result<Self> {
        let mut weights = [None; Kind::ALL.len()];
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let split = entry.split_once('=');
            let (name, weight) = split.with_context(|| format!("`{entry}` is not KIND=WEIGHT, such as create=4"))?;
            let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name.trim()).with_context(|| {
                let kinds = Kind::ALL.map(Kind::name).join(", ");
                format!("there is no traffic `{}`; there are {kinds}", name.trim())
            })?;
            let number = weight.trim().parse().ok().filter(|weight| *weight <= MAX_WEIGHT);
            let number = number
                .with_context(|| format!("the weight of {kind} is not a number from 0 to {MAX_WEIGHT}: `{weight}`"))?;
            ensure!(weights[kind as usize].replace(number).is_none(), "{kind} is given twice");
        }
        let mix = Self(weights.map(Option::unwrap_or_default));
        ensure!(mix.total() > 0, "has no weight above 0");
        Ok(mix)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let present = Kind::ALL.into_iter().filter(|kind| self.has(*kind));
        let entries: Vec<String> = present.map(|kind| format!("{kind}={}", self.0[kind as usize])).collect();
        f.write_str(&entries.join(","))
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::SmallRng};

    use super::*;

    #[test]
    fn a_mix_is_read_as_it_is_shown() {
        let text = "create=4,pay=2,get=10,list=4,whoami=5,parts=2,whole=1";

        assert_eq!(text.parse::<Mix>().unwrap().to_string(), text);
        assert_eq!(" whole = 3 , get=0".parse::<Mix>().unwrap(), Mix::only(Kind::Whole).tripled());
    }

    impl Mix {
        fn tripled(self) -> Self {
            Self(self.0.map(|weight| weight * 3))
        }
    }

    #[test]
    fn kinds_come_by_their_weights_and_the_same_seed_makes_the_same_ones() {
        let mix: Mix = "create=1,get=3".parse().unwrap();
        let chosen = |seed| {
            let mut rng = SmallRng::seed_from_u64(seed);
            (0..4000).map(|_| mix.choose(&mut rng)).collect::<Vec<Kind>>()
        };

        let creates = chosen(1).iter().filter(|kind| **kind == Kind::Create).count();

        assert!((900..1100).contains(&creates), "{creates} of 4000");
        assert!(chosen(1).iter().all(|kind| [Kind::Create, Kind::Get].contains(kind)));
        assert!(chosen(1) == chosen(1) && chosen(1) != chosen(2));
    }

    #[test]
    fn every_kind_stands_at_its_own_place() {
        for (place, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place);
        }
    }
}
